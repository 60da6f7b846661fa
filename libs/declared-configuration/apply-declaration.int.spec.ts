import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { identityProviderStream } from '#libs/identity-providers/state.js';
import { relyingPartyStream } from '#libs/relying-parties/state.js';
import { AT_ONCE, startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { applyDeclaration } from './apply-declaration.js';
import type { AppliedChange } from './apply-declaration.js';
import { parseDeclaration } from './declaration.js';

let installation: TestInstallation;
beforeAll(async () => {
  installation = await startTestInstallation();
});
afterAll(() => installation.stop());

const file = (id: string): string => `organizations:
  - id: ${id}
    displayName: Test
    identityProviders:
      - { id: ${id}-idp, policy: { linkingAllowed: true } }
identityProviders:
  - { id: ${id}-idp, kind: oidc, displayName: Acme, issuer: 'https://acme.example', clientId: ligature, scopes: [openid], clientSecret: { env: SECRET } }
relyingParties:
  - { clientId: ${id}-app, organization: ${id}, displayName: App, grantTypes: [authorization_code], redirectUris: ['https://app.example/callback'], clientSecret: { env: SECRET } }
`;
const apply = async (text: string, secret = 'top-secret'): Promise<readonly AppliedChange[]> => {
  const applied = await applyDeclaration(
    installation.store,
    parseDeclaration(text, { SECRET: secret }),
    testContext(),
    AT_ONCE,
  );
  if (applied.kind !== 'applied') throw new Error(applied.kind);
  return applied.changes;
};

describe('applying a configuration file', () => {
  it('stores what it declares; a second run appends nothing', async () => {
    expect(await apply(file('one'))).toEqual([
      { stream: 'identityProvider-one-idp', events: ['IdentityProviderConfigured'] },
      { stream: 'organization-one', events: ['OrganizationCreated', 'IdentityProviderOffered'] },
      { stream: 'relyingParty-one-app', events: ['RelyingPartyConfigured'] },
    ]);
    expect(await apply(file('one'))).toEqual([]);
  });

  it('secrets are stored encrypted, and can be read again', async () => {
    await apply(file('two'));
    for (const [stream, data] of [
      [identityProviderStream('two-idp'), { secrets: { clientSecret: 'top-secret' } }],
      [relyingPartyStream('two-app'), { clientSecret: 'top-secret' }],
    ] as const) {
      const [stored] = await installation.store.readStored(stream);
      expect(JSON.stringify([stored?.data, stored?.metadata])).not.toContain('top-secret');
      expect((await installation.store.read(stream))[0]?.event.data).toMatchObject(data);
    }
  });

  it('what changed is stored, and nothing else', async () => {
    await apply(file('three'));
    const changed = file('three')
      .replace('displayName: Test', 'displayName: Renamed')
      .replace('scopes: [openid]', 'scopes: [openid], active: false');
    expect(await apply(changed)).toEqual([
      { stream: 'identityProvider-three-idp', events: ['IdentityProviderDeactivated'] },
      { stream: 'organization-three', events: ['OrganizationRenamed'] },
    ]);
    expect(await apply(changed)).toEqual([]);
    expect(
      await apply(
        file('three')
          .replace(/ +- \{ id: three-idp, policy.*\n/, '')
          .replace('    identityProviders:\n', ''),
      ),
    ).toEqual([
      { stream: 'identityProvider-three-idp', events: ['IdentityProviderActivated'] },
      {
        stream: 'organization-three',
        events: ['RestrictionCommitted', 'OrganizationRenamed', 'IdentityProviderWithdrawn'],
      },
    ]);
  });

  it('a new secret is a change', async () => {
    await apply(file('four'));
    expect((await apply(file('four'), 'rotated')).map(({ events }) => events)).toEqual([
      ['IdentityProviderConfigured'],
      ['RelyingPartyConfigured'],
    ]);
  });

  it('what the file does not name is left alone', async () => {
    await apply(file('five'));
    await apply(file('six'));
    expect(await apply(file('five'))).toEqual([]);
  });
});
