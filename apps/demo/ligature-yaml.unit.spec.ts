import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { parseDeclaration } from '#libs/declared-configuration/declaration.js';

it('the configuration that npm start applies is valid, with every secret named and none written', () => {
  const text = readFileSync(new URL('ligature.yaml', import.meta.url), 'utf8');
  const environment = {
    DEMO_ACME_PORT: '4200',
    DEMO_CORP_PORT: '4201',
    DEMO_GLOBEX_PORT: '4202',
    DEMO_APP_PORT: '4100',
    DEMO_ACME_CLIENT_SECRET: 'acme-secret',
    DEMO_GLOBEX_CLIENT_SECRET: 'globex-secret',
    DEMO_APP_CLIENT_SECRET: 'app-secret',
    DEMO_AUDITOR_CLIENT_SECRET: 'auditor-secret',
  };
  const { identityProviders, relyingParties } = parseDeclaration(text, environment);
  expect(identityProviders.map(({ settings }) => settings)).toMatchObject([
    { id: 'acme', issuer: 'http://127.0.0.1:4200', clientSecret: 'acme-secret' },
    { id: 'corp', kind: 'saml', metadataUrl: 'http://127.0.0.1:4201/metadata' },
    { id: 'globex', issuer: 'http://127.0.0.1:4202', clientSecret: 'globex-secret' },
  ]);
  expect(
    relyingParties.map(({ clientId, redirectUris, clientSecret }) => [clientId, redirectUris, clientSecret]),
  ).toEqual([
    ['demo-app', ['http://127.0.0.1:4100/callback'], 'app-secret'],
    ['demo-auditor', [], 'auditor-secret'],
  ]);
});
