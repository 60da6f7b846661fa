import { describe, expect, it } from '@jest/globals';
import { mistakesWithin } from '#libs/identity-providers/mistakes.js';
import { providerTemplates } from '#libs/identity-providers/templates.js';
import { parseDeclaration } from './declaration.js';
import type { DeclarationError } from './declaration.js';

const TENANT = '11111111-2222-3333-4444-555555555555';

const file = (provider: string, policy = '', defaults = ''): string => `${defaults}
identityProviders:
  - ${provider}
organizations:
  - { id: default, displayName: Test, identityProviders: [{ id: it${policy} }] }
`;
const read = (text: string) => {
  const { identityProviders, organizations } = parseDeclaration(text, { SECRET: 'secret' });
  return { settings: identityProviders[0]?.settings, policy: organizations[0]?.identityProviders[0]?.policy };
};
const mistakes = (text: string): readonly string[] => {
  try {
    parseDeclaration(text, { SECRET: 'secret' });
  } catch (error) {
    return (error as DeclarationError).mistakes;
  }
  return [];
};

/** What each template needs beside its parameters. */
const REST: Readonly<Record<string, string>> = {
  apple: 'clientId: x, parameters: { teamId: ABCDE12345, keyId: ABCDE12345 }, clientSecretKey: { env: SECRET }',
  entra: `clientId: x, parameters: { tenant: ${TENANT} }`,
  'google-workspace': 'clientId: x, parameters: { domain: example.org }',
  gitlab: 'clientId: x, parameters: { host: gitlab.com }',
  okta: 'clientId: x, parameters: { domain: example.okta.com }',
  oidc: 'clientId: x, displayName: X, issuer: "https://x.example"',
  saml: 'displayName: X, entityId: x, singleSignOnServices: [{ binding: redirect, url: "https://x.example" }], metadataUrl: "https://x.example/m"',
};

describe('templates of identity providers', () => {
  it.each(Object.keys(providerTemplates))(
    '%s: gives settings that can be saved, and says what may be believed where accounts are linked',
    (name) => {
      const { settings, policy } = read(file(`{ id: it, template: ${name}, ${REST[name] ?? 'clientId: x'} }`));
      expect(settings).toBeDefined();
      if (name !== 'apple' && settings) expect(mistakesWithin(settings, new Date())).toEqual([]);
      expect(policy?.emailTrustedDomains).toBeDefined();
      expect(policy?.emailTrustedDomains).not.toContain('*');
      expect(JSON.stringify([settings, policy])).not.toMatch(/\{\w+\}"/);
    },
  );

  it('entra: one tenant, named by tid and oid, none of its addresses believed (L6)', () => {
    expect(read(file(`{ id: it, template: entra, clientId: x, parameters: { tenant: ${TENANT} } }`))).toMatchObject({
      settings: {
        issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
        subjectClaims: ['tid', 'oid'],
        requiredClaims: { tid: TENANT },
      },
      policy: { emailTrustedDomains: [] },
    });
  });

  it.each(['common', 'organizations', 'consumers', 'example.onmicrosoft.com'])(
    'entra: refuses the tenant %s: it would let others in',
    (tenant) => {
      expect(mistakes(file(`{ id: it, template: entra, clientId: x, parameters: { tenant: ${tenant} } }`))).toEqual([
        expect.stringMatching(/^line 3: identityProviders\.0\.parameters\.tenant: must be the directory \(tenant\) id/),
      ]);
    },
  );

  it('what is declared stands over the template, the template over the file’s defaults', () => {
    const provider = '{ id: it, template: google, clientId: x, displayName: Ours }';
    const defaults = "defaults: { linkingPolicy: { emailTrustedDomains: ['*'], linkingAllowed: true } }";
    const { settings, policy } = read(file(provider, '', defaults));
    expect([settings?.displayName, policy]).toMatchObject([
      'Ours',
      { emailTrustedDomains: ['gmail.com', 'googlemail.com'], linkingAllowed: true },
    ]);
    expect(read(file(provider, ', policy: { emailTrustedDomains: [] }', defaults)).policy?.emailTrustedDomains).toEqual(
      [],
    );
  });

  it('all mistakes are told at once: a template that nobody knows, parameters that are missing or too many', () => {
    const text = `identityProviders:
  - { id: one, template: myspace, clientId: x }
  - { id: two, template: gitlab, clientId: x, parameters: { hots: gitlab.com } }
`;
    expect(mistakes(text)).toEqual([
      expect.stringMatching(/^line 2: identityProviders\.0\.template: is not known; there are google, /),
      expect.stringMatching(/^line 3: identityProviders\.1\.parameters\.host: must be /),
      expect.stringMatching(/^line 3: identityProviders\.1\.parameters\.hots: is no parameter of gitlab/),
    ]);
  });
});
