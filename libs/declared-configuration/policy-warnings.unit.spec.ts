import { describe, expect, it } from '@jest/globals';
import { parseDeclaration } from './declaration.js';
import { policyWarnings } from './policy-warnings.js';

const warningsOf = (loginPolicy: string, policy: string): readonly string[] =>
  policyWarnings(
    parseDeclaration(
      `identityProviders:
  - { id: acme, kind: oidc, displayName: Acme, issuer: "https://acme.example", clientId: ligature, scopes: [openid] }
organizations:
  - id: default
    displayName: Test
    loginPolicy: { ${loginPolicy} }
    identityProviders:
      - { id: acme, policy: { ${policy} } }
`,
      {},
    ),
  );

describe('L31: usernames that are to be linked automatically', () => {
  const REGISTRATION = 'password: true, registration: true';
  const AUTOMATIC = 'autoLink: [username], onMatch: automatic, usernameAuthoritative: true';
  it('warns, with the line, where people register with a username of their choice', () =>
    expect(warningsOf(REGISTRATION, AUTOMATIC)).toEqual([
      expect.stringMatching(
        /^line 8: organizations\.0\.identityProviders\.0\.policy: .* acme or an administrator gave$/,
      ),
    ]));
  it.each([
    ['nobody registers', 'password: true', AUTOMATIC],
    ['nobody has a password', 'registration: true', AUTOMATIC],
    ['nobody registers with a username', `${REGISTRATION}, loginNames: [email]`, AUTOMATIC],
    ['a match asks anyway', REGISTRATION, 'autoLink: [username], usernameAuthoritative: true'],
    ['the provider gives no usernames out', REGISTRATION, 'autoLink: [username], onMatch: automatic'],
    [
      'nothing is matched by username',
      REGISTRATION,
      'autoLink: [email], onMatch: automatic, usernameAuthoritative: true',
    ],
  ])('says nothing where %s', (_title, loginPolicy, policy) => expect(warningsOf(loginPolicy, policy)).toEqual([]));
});
