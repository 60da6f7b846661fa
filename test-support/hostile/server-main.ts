import { samlCertificate } from '../certificate.js';
import { HostileOpenIdProvider } from '../hostile-openid-provider.js';
import { HostileSamlProvider } from '../hostile-saml-provider.js';
import { startTestIdentityServer } from '../identity-server.js';
import { samlProvider } from '../saml-configuration.js';

/*
 * An identity server in a process of its own, so that its processor time can be told: it sends its parent where it is,
 * and, when asked, what it has used so far.
 */
const [acme, corp] = [await HostileOpenIdProvider.start(), await HostileSamlProvider.start()];
const server = await startTestIdentityServer();
const others = [await samlCertificate(), await samlCertificate(), await samlCertificate(), await samlCertificate()];
const signingCertificates = [...others.map(({ certificate }) => certificate), corp.keys.certificate];
const policy = { creationAllowed: true, autoCreate: true, linkingAllowed: true };
await server.installation.configure(
  JSON.stringify({
    identityProviders: [
      { id: 'acme', kind: 'oidc', displayName: 'Acme', issuer: acme.issuer, clientId: 'ligature', scopes: ['openid'] },
      samlProvider('corp', corp, { signingCertificates, allowIdpInitiated: true }),
    ],
    organizations: [
      {
        id: 'default',
        displayName: 'Test',
        loginPolicy: { password: true, registration: true, recovery: true },
        identityProviders: [
          { id: 'acme', policy },
          { id: 'corp', policy },
        ],
      },
    ],
    relyingParties: [
      {
        clientId: 'app',
        organization: 'default',
        displayName: 'App',
        redirectUris: ['http://127.0.0.1:1/callback'],
        grantTypes: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        tokenEndpointAuthMethod: 'none',
        applicationType: 'native',
        scopes: ['openid', 'profile', 'email'],
      },
    ],
  }),
);
process.on('message', (message) => {
  if (message === 'usage') process.send?.({ cpuUsage: process.cpuUsage() });
  if (message === 'forget') {
    void server.installation.pool
      .query('DELETE FROM provider.throttles')
      .then(() => process.send?.({ forgotten: true }));
  }
});
process.send?.({ issuer: server.issuer, entityId: corp.entityId });
