import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import { loginViaIdp } from '#libs/linking/commands/login-via-idp.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { unlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.js';
import type { FlowFacts } from '#libs/linking/login-via-idp.js';
import type { Restriction } from '#libs/organizations/events.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import { SETTLED_AFTER_MS } from '#libs/platform/deadline.js';
import { newUuid } from '#libs/platform/ids.js';
import { loadOfferedProviders } from '#libs/sign-in/offered-providers.js';
import { startTestInstallation, testAssertion, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import type { Restricting } from './agree-on-restrictions.js';
import { applyDeclaration } from './apply-declaration.js';
import type { Applied } from './apply-declaration.js';
import { parseDeclaration } from './declaration.js';

let installation: TestInstallation;
let id = '';
beforeAll(async () => {
  installation = await startTestInstallation();
});
afterAll(() => installation.stop());

interface Ways {
  readonly password?: boolean;
  readonly acme?: boolean;
}
/** An organization of its own for each test. */
const file = ({ password = true, acme = true }: Ways = {}): string => `
identityProviders:
  - { id: acme, kind: oidc, displayName: Acme, issuer: "https://acme.example", clientId: ligature, scopes: [openid] }
  - { id: globex, kind: oidc, displayName: Globex, issuer: "https://globex.example", clientId: ligature, scopes: [openid] }
organizations:
  - id: ${id}
    displayName: Test
    loginPolicy: { password: ${password}, registration: ${password} }
    identityProviders:
      - { id: globex, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true, unlinkAllowed: true } }
      ${acme ? '- { id: acme, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true, unlinkAllowed: true } }' : ''}
`;
beforeEach(async () => {
  id = `org-${newUuid().slice(-8)}`;
  await installation.configure(file());
});

interface Phases {
  readonly affected?: readonly string[] | AsyncIterable<readonly string[]>;
  readonly force?: boolean;
  /** What happens between announcement and count. */
  readonly meanwhile?: () => Promise<void>;
}
const asked: Restriction[] = [];
const apply = async (ways: Ways, { affected = [], force = false, meanwhile }: Phases = {}): Promise<Applied> => {
  let paused = 0;
  const restricting: Restricting = {
    clock: () => new Date(Date.now() + paused),
    pause: async (ms) => {
      expect(ms).toBeGreaterThan(SETTLED_AFTER_MS - 10_000);
      await meanwhile?.();
      paused = ms;
    },
    affected: async function* (_, restriction) {
      asked.push(restriction);
      yield* Symbol.asyncIterator in affected ? affected : [affected];
    },
    force,
  };
  return applyDeclaration(installation.store, parseDeclaration(file(ways), {}), testContext(), restricting);
};

const login = (provider: string, subject: string, flow: FlowFacts = { kind: 'sign_in' }) =>
  loginViaIdp(
    installation,
    new LoginViaIdp(testAssertion(subject, provider), { ...flow, organizationId: id }, testContext()),
  );
const person = async (provider: string): Promise<{ userId: string; subject: string }> => {
  const subject = newUuid();
  const { outcome } = await login(provider, subject);
  if (outcome.kind !== 'provisioned') throw new Error(outcome.kind);
  return { userId: outcome.userId, subject };
};
const link = async (provider: string, userId: string): Promise<string> => {
  const { outcome } = await login(provider, newUuid(), { kind: 'link', userId, valid: true });
  if (outcome.kind !== 'linked') throw new Error(outcome.kind);
  return outcome.claimId;
};
const unlink = async (userId: string, claimId: string): Promise<string> => {
  const dependencies = { ...installation, carryOutRevocations: () => Promise.resolve() };
  const { outcome } = await unlinkExternalIdentity(
    dependencies,
    new UnlinkExternalIdentity(userId, id, claimId, testContext()),
  );
  return outcome.kind === 'refused' ? outcome.code : outcome.kind;
};
const organization = () => loadOrganization(installation.store, id);

describe('a provider that an organization withdraws', () => {
  it('is withdrawn when everybody has another way in', async () => {
    const { userId } = await person('acme');
    await link('globex', userId);
    expect(await apply({ acme: false }, { affected: [userId] })).toEqual({
      kind: 'applied',
      changes: [{ stream: `organization-${id}`, events: ['RestrictionCommitted', 'IdentityProviderWithdrawn'] }],
    });
    expect([asked.at(-1), (await organization()).announced]).toEqual([{ methods: [], providers: ['acme'] }, undefined]);
    expect(await apply({ acme: false })).toEqual({ kind: 'applied', changes: [] });
  });

  it('is kept when somebody would lose their last way in, who is told of; nothing is announced any more and it works as before', async () => {
    const { userId, subject } = await person('acme');
    const answer = await apply(
      { acme: false, password: false },
      { affected: [userId, (await person('globex')).userId] },
    );
    expect(answer).toEqual({ kind: 'would_take_last_way_in', people: new Map([[id, 1]]) });
    const { announced, offered, loginPolicy } = await organization();
    expect([announced, offered.has('acme'), loginPolicy.password]).toEqual([undefined, true, true]);
    expect((await login('acme', subject)).outcome).toMatchObject({ kind: 'sign_in', userId });
  });

  it('is withdrawn by force, with the number of people in the event', async () => {
    const { userId } = await person('acme');
    expect(await apply({ acme: false }, { affected: [userId], force: true })).toMatchObject({ kind: 'applied' });
    const events = await installation.store.read(`organization-${id}` as never);
    expect(events.map(({ event }) => event)).toContainEqual({
      type: 'RestrictionCommitted',
      data: { peopleWithoutWayIn: 1 },
    });
  });

  it('counts for nobody from its announcement on, so that nobody gives up the other way in meanwhile; people still sign in through it', async () => {
    const { userId, subject } = await person('acme');
    const other = await link('globex', userId);
    const answers: string[] = [];
    const answer = await apply(
      { acme: false },
      {
        affected: [userId],
        meanwhile: async () => {
          answers.push(await unlink(userId, other));
          answers.push((await login('acme', subject)).outcome.kind);
          answers.push((await login('acme', newUuid())).outcome.kind);
        },
      },
    );
    expect(answers).toEqual(['last_credential', 'sign_in', 'choose']);
    expect(answer.kind).toBe('applied');
    expect((await loadAccount(installation.store, userId)).state.links).toHaveLength(2);
  });
});

describe('a method that a login policy forbids', () => {
  it('nobody registers by it from its announcement on', async () => {
    let registration: boolean | undefined;
    const answer = await apply(
      { password: false },
      {
        meanwhile: async () => {
          registration = (await loadOfferedProviders(installation.store, id)).loginPolicy.registration;
        },
      },
    );
    expect([answer.kind, registration]).toEqual(['applied', false]);
    expect(asked.at(-1)).toEqual({ methods: ['password'], providers: [] });
  });

  it('people of other organizations are not counted', async () => {
    const { userId } = await person('acme');
    const first = id;
    id = `${first}-b`;
    await installation.configure(file());
    expect((await apply({ acme: false, password: false }, { affected: [userId] })).kind).toBe('applied');
  });

  it('another change of the organization in between is not overwritten', async () => {
    const answer = await apply({ password: false }, { meanwhile: () => installation.configure(file()) });
    expect(answer).toEqual({ kind: 'changed_meanwhile', organizationId: id });
    expect((await organization()).loginPolicy.password).toBe(true);
  });

  it('is taken back when nobody can be counted, because the read models are behind for example', async () => {
    const behind = (async function* (): AsyncGenerator<readonly string[]> {
      yield await Promise.reject(new Error('behind'));
    })();
    await expect(apply({ password: false }, { affected: behind })).rejects.toThrow('behind');
    expect((await organization()).announced).toBeUndefined();
  });

  it('what a crash left announced is gone on with, without waiting once more, or taken back by a file without it', async () => {
    await expect(apply({ password: false }, { meanwhile: () => Promise.reject(new Error('killed')) })).rejects.toThrow(
      'killed',
    );
    expect((await organization()).announced).toMatchObject({ restriction: { methods: ['password'], providers: [] } });
    expect(await apply({})).toEqual({
      kind: 'applied',
      changes: [{ stream: `organization-${id}`, events: ['RestrictionCancelled'] }],
    });
  });
});
