import type { OpenSessionRequest } from '#libs/sign-in/open-session.js';
import { testContext } from './installation.js';

/** A sign-in through an external identity, as the callback would ask for its session. */
export const openSessionRequest = (
  userId: string,
  claimId: string,
  over: Partial<OpenSessionRequest> & { readonly providerId?: string } = {},
): OpenSessionRequest => {
  const { providerId = 'acme', ...rest } = over;
  return {
    userId,
    organizationId: 'default',
    method: {
      kind: 'external_identity',
      providerId,
      claimId,
      decision: { row: '2', policyRevision: 'organization-default@1', assertedEmail: 'ann@acme.example' },
    },
    account: { revision: 1n, credentialEpoch: 0 },
    lifetimeS: 3_600,
    amr: [],
    context: { ...testContext(), actor: { type: 'user', id: userId } },
    ...rest,
  };
};

/** For sign-ins at providers that send no logout messages. */
export const sessionsAtProviders = { record: (): Promise<void> => Promise.resolve() };

/** What a session row needs beside whose it is. */
export const sessionOf = {
  method: 'external',
  accountRevision: 1n,
  lifetimeS: 14 * 24 * 3_600,
  amr: [] as string[],
} as const;
