import { interactionPolicy } from 'oidc-provider';
import type { SessionRows } from './sessions.postgres.js';

const { base, Check } = interactionPolicy;

/**
 * When a person is asked to sign in: oidc-provider's own reasons (no session, `prompt`, `max_age`, `id_token_hint`), and two of ours. A session
 * never satisfies a client of another organization (L28, invariant 11), nor does one whose user may no longer sign in.
 */
export const interactionPolicyOf = (sessions: SessionRows) => {
  const policy = base();
  const login = policy.get('login');
  if (!login) throw new Error('oidc-provider has no login prompt');
  login.checks.add(
    new Check('other_organization', 'the session is not one of this organization', 'login_required', async ({ oidc }) =>
      oidc.session?.accountId && oidc.client && !(await sessions.admits(oidc.session.uid, oidc.client.organizationId))
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT,
    ),
  );
  login.checks.add(
    new Check('account_unavailable', 'the account may not sign in', 'login_required', ({ oidc }) =>
      oidc.session?.accountId && !oidc.account ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT,
    ),
  );
  return policy;
};
