import { describe, expect, it } from '@jest/globals';
import { DeclarationError, parseDeclaration } from './declaration.js';

const GOOD = `organizations:
  - id: default
    displayName: \${NAME}
    identityProviders:
      - { id: acme, policy: { linkingAllowed: true } }
identityProviders:
  - id: acme
    kind: oidc
    displayName: Acme
    issuer: https://acme.example
    clientId: ligature
    clientSecret: { env: ACME_SECRET }
    scopes: [openid]
relyingParties:
  - clientId: app
    organization: default
    displayName: App
    redirectUris: [https://app.example/callback]
    grantTypes: [authorization_code]
    clientSecret: { env: APP_SECRET }
`;
const ENVIRONMENT = { NAME: 'Test', ACME_SECRET: 'acme-secret', APP_SECRET: 'app-secret' };

const mistakesOf = (text: string, environment: NodeJS.ProcessEnv = ENVIRONMENT): readonly string[] => {
  try {
    parseDeclaration(text, environment);
  } catch (error) {
    if (error instanceof DeclarationError) return error.mistakes;
    throw error;
  }
  return [];
};
const lineOf = (text: string, part: string): number => text.split('\n').findIndex((line) => line.includes(part)) + 1;

describe('a configuration file', () => {
  it('is read with its secrets resolved, its variables replaced, and safe defaults', () => {
    expect(parseDeclaration(GOOD, ENVIRONMENT)).toMatchObject({
      organizations: [
        {
          id: 'default',
          displayName: 'Test',
          loginPolicy: { externalSignIn: true },
          identityProviders: [
            {
              id: 'acme',
              policy: { creationAllowed: false, autoCreate: false, linkingAllowed: true, unlinkAllowed: true },
            },
          ],
        },
      ],
      identityProviders: [{ settings: { id: 'acme', clientSecret: 'acme-secret', userInfo: false }, active: true }],
      relyingParties: [{ clientId: 'app', clientSecret: 'app-secret', tokenEndpointAuthMethod: 'client_secret_basic' }],
    });
  });

  it('defaults stand under what each organization says, setting by setting', () => {
    const text = GOOD.replace(
      'organizations:',
      `defaults:
  loginPolicy: { password: true, registration: true }
  linkingPolicy: { creationAllowed: true, linkingAllowed: false }
organizations:
  - { id: strict, displayName: Strict, loginPolicy: { password: false } }
  - id: bare
    displayName: Bare
    identityProviders: [{ id: acme }]`,
    );
    const { organizations } = parseDeclaration(text, ENVIRONMENT);
    expect(
      organizations.map(({ id, loginPolicy, identityProviders: [offered] }) => [
        id,
        loginPolicy.password,
        loginPolicy.registration,
        offered?.policy.creationAllowed,
        offered?.policy.linkingAllowed,
      ]),
    ).toEqual([
      ['strict', false, true, undefined, undefined],
      ['bare', true, true, true, false],
      ['default', true, true, true, true],
    ]);
  });

  it('a mistake in the defaults is named with its line', () => {
    const text = `defaults: { loginPolicy: { password: perhaps } }\n${GOOD}`;
    expect(mistakesOf(text)).toContainEqual(expect.stringMatching(/^line 1: defaults\.loginPolicy\.password: /));
  });

  it('an empty one declares nothing', () =>
    expect(parseDeclaration('', {})).toMatchObject({ organizations: [], identityProviders: [], relyingParties: [] }));

  it('all mistakes of form are named at once, each with its line', () => {
    const text = GOOD.replace('id: default', 'id: Not A Slug')
      .replace('issuer: https://acme.example', 'issuer: nonsense')
      .replace('scopes: [openid]', 'scopes: [profile]')
      .replace('https://app.example/callback', 'http://app.example/callback')
      .replace('grantTypes: [authorization_code]', 'grantTypes: [password]');
    const mistakes = mistakesOf(text);
    for (const part of [
      'Not A Slug',
      'issuer: nonsense',
      'scopes: [profile]',
      'http://app.example',
      'grantTypes: [password]',
    ])
      expect(mistakes).toContainEqual(expect.stringContaining(`line ${lineOf(text, part)}: `));
    expect(mistakes).toHaveLength(5);
  });

  it('a field that nobody knows is a mistake', () => {
    expect(mistakesOf(GOOD.replace('linkingAllowed: true', 'linkingAlowed: true'))).toEqual([
      expect.stringContaining('linkingAlowed'),
    ]);
  });

  it('all dangling references, duplicates and secrets that are not set are named at once, each with its line', () => {
    const text = `${GOOD.replace('{ id: acme, policy', '{ id: undeclared, policy').replace('organization: default', 'organization: elsewhere')}  - clientId: app
    organization: default
    displayName: App again
    grantTypes: [client_credentials]
    clientSecret: { env: UNSET_SECRET }
`;
    expect(mistakesOf(text)).toEqual([
      `line ${lineOf(text, 'undeclared')}: organization default offers undeclared, which is not declared under identityProviders`,
      `line ${lineOf(text, 'elsewhere')}: app belongs to elsewhere, which is not declared under organizations`,
      `line ${lineOf(text, 'App again') - 2}: app is declared twice under relyingParties`,
      `line ${lineOf(text, 'UNSET_SECRET')}: the environment variable UNSET_SECRET is not set`,
    ]);
  });

  it('a provider that an organization offers twice is a mistake: the file would never come to rest', () => {
    const text = GOOD.replace(
      'identityProviders:\n  - id',
      '      - { id: acme, policy: { linkingAllowed: false } }\nidentityProviders:\n  - id',
    );
    expect(mistakesOf(text)).toEqual([
      `line ${lineOf(text, 'linkingAllowed: false')}: organization default offers acme twice`,
    ]);
  });

  it('L30: what a provider grants must have a place among the organization’s authentication context classes', () => {
    const granting = GOOD.replace('linkingAllowed: true', 'linkingAllowed: true, grantsAcr: "urn:example:high"');
    expect(mistakesOf(granting)).toEqual([
      `line ${lineOf(granting, 'urn:example:high')}: acme grants urn:example:high, which is not among the loginPolicy.acrValues of organization default`,
    ]);
    const declared = `defaults: { loginPolicy: { acrValues: ["urn:example:low", "urn:example:high"] } }\n${granting}`;
    expect(parseDeclaration(declared, ENVIRONMENT).organizations[0]?.loginPolicy.acrValues).toHaveLength(2);
  });

  it('a secret written into the file is refused, and not repeated', () => {
    const [mistake] = mistakesOf(GOOD.replace('{ env: ACME_SECRET }', 'written-down'));
    expect(mistake).toContain('identityProviders.0.clientSecret');
    expect(mistake).not.toContain('written-down');
  });

  it('all variables that are not set are named at once', () =>
    expect(mistakesOf(`${GOOD}# \${ONE} \${TWO} \${ONE}\n`, { ...ENVIRONMENT, NAME: undefined })).toEqual(
      ['NAME', 'ONE', 'TWO'].map((name) => `the environment variable ${name} is not set`),
    ));

  it('what is not YAML is told with its line', () =>
    expect(mistakesOf('organizations:\n  - id: [default\n')).toContainEqual(expect.stringMatching(/^line \d+: /)));
});
