import { deflateRawSync } from 'node:zlib';
import { assertionXml, honestFacts, logoutRequestXml, instant, PERSISTENT, responseXml } from '../saml-responses.js';

/** What an attacker knows of a server: what everybody may. */
export interface Known {
  readonly issuer: string;
  /** Of the SAML provider. */
  readonly entityId: string;
  readonly cookie: string;
  readonly csrf: { readonly signIn: string; readonly register: string; readonly recovery: string };
}

/** One request that needs no account and no secret. */
export interface HostileRequest {
  readonly route: string;
  readonly what: string;
  readonly path: string;
  readonly init?: RequestInit;
  /** A password is hashed, which is bounded in number instead. */
  readonly hashes?: boolean;
}

const SIGNATURE = (id: string): string =>
  `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>` +
  `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>` +
  `<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>` +
  `<ds:Reference URI="#${id}"><ds:Transforms>` +
  `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>` +
  `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>` +
  `<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>AAAA</ds:DigestValue>` +
  `</ds:Reference></ds:SignedInfo><ds:SignatureValue>${'A'.repeat(344)}</ds:SignatureValue></ds:Signature>`;

/** Fillings for XML, each as large as an attacker would make it. */
export const FILLINGS: Readonly<Record<string, string>> = {
  'few elements': '',
  'many elements': '<a/>'.repeat(1_400),
  'too many elements': '<a/>'.repeat(50_000),
  'many namespaces': Array.from({ length: 1_400 }, (_, i) => `<n${i}:a xmlns:n${i}="urn:${i}"/>`).join(''),
  'many attributes': `<a ${Array.from({ length: 60 }, (_, i) => `a${i}=""`).join(' ')}/>`.repeat(38),
  'much depth': '<a xmlns:q="u">'.repeat(55) + '<b/>'.repeat(1_300) + '</a>'.repeat(55),
  'much text': `<t>${'x'.repeat(250_000)}</t>`,
};

const signed = (assertion: string, id: string): string =>
  assertion.replace('</saml:Issuer>', `</saml:Issuer>${SIGNATURE(id)}`);

/** A response that anybody could write: everything is right but its signature. */
export const forgedResponse = ({ issuer, entityId }: Known, filling: string): string => {
  const acs = `${issuer}/providers/corp/acs`;
  const facts = honestFacts({
    id: undefined,
    acs,
    audience: `${issuer}/providers/corp/metadata`,
    issuer: entityId,
    subject: 'x',
  });
  facts.attributes += filling;
  return responseXml(facts, signed(assertionXml(facts), facts.assertionId));
};

export const forgedLogout = ({ issuer, entityId }: Known, filling: string): string =>
  signed(
    logoutRequestXml({
      id: '_l',
      issuer: entityId,
      destination: `${issuer}/providers/corp/slo`,
      issueInstant: instant(),
      notOnOrAfter: instant(300),
      nameId: 'x',
      nameIdFormat: PERSISTENT,
      sessionIndex: undefined,
    }).replace('</samlp:LogoutRequest>', `${filling}</samlp:LogoutRequest>`),
    '_l',
  );

const form = (fields: Readonly<Record<string, string>>, cookie = ''): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded', cookie },
  body: new URLSearchParams(fields).toString(),
});
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const jwt = (header: object, payload: object): string =>
  [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') +
  `.${'A'.repeat(342)}`;

/** The routes that need no authentication, with the most expensive that came to our minds. */
export const requestsTo = (known: Known): readonly HostileRequest[] => {
  const { issuer, cookie, csrf } = known;
  const authorization = new URLSearchParams({
    client_id: 'app',
    response_type: 'code',
    scope: 'openid',
    redirect_uri: 'http://127.0.0.1:1/callback',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }).toString();
  const long = 'a'.repeat(7_000);
  const deep = `${'{"a":'.repeat(1_500)}1${'}'.repeat(1_500)}`;
  const logoutToken = jwt(
    { alg: 'RS256', kid: 'x', typ: 'logout+jwt' },
    { iss: known.issuer, pad: 'x'.repeat(11_000) },
  );
  const bomb = deflateRawSync(' '.repeat(2_000_000)).toString('base64');
  return [
    ...Object.entries(FILLINGS).map(([what, filling]) => ({
      route: 'POST /providers/:id/acs, and the GET after it',
      what,
      path: '/providers/corp/acs',
      init: form({ SAMLResponse: base64(forgedResponse(known, filling)) }),
    })),
    ...Object.entries(FILLINGS).map(([what, filling]) => ({
      route: 'POST /providers/:id/slo',
      what,
      path: '/providers/corp/slo',
      init: form({ SAMLRequest: base64(forgedLogout(known, filling)) }),
    })),
    {
      route: 'GET /providers/:id/slo',
      what: 'a deflate bomb',
      path: `/providers/corp/slo?${new URLSearchParams({ SAMLRequest: bomb, SigAlg: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', Signature: 'A'.repeat(344) }).toString()}`,
    },
    {
      route: 'GET /providers/:id/callback',
      what: 'an unknown state',
      path: `/providers/acme/callback?state=x&code=${long}`,
    },
    {
      route: 'POST /providers/:id/backchannel-logout',
      what: 'a long token of an unknown key',
      path: '/providers/acme/backchannel-logout',
      init: form({ logout_token: logoutToken }),
    },
    { route: 'GET /auth', what: 'an honest request', path: `/auth?${authorization}` },
    { route: 'GET /auth', what: 'a long state', path: `/auth?${authorization}&state=${long}` },
    {
      route: 'GET /auth',
      what: 'deep claims',
      path: `/auth?${authorization}&claims=${encodeURIComponent(deep).slice(0, 12_000)}`,
    },
    {
      route: 'GET /session/end',
      what: 'a forged hint',
      path: `/session/end?id_token_hint=${jwt({ alg: 'RS256', kid: 'x' }, { pad: long })}`,
    },
    {
      route: 'POST /token',
      what: 'an unknown code',
      path: '/token',
      init: form({ client_id: 'app', grant_type: 'authorization_code', code: long, code_verifier: long }),
    },
    {
      route: 'POST /token',
      what: 'a forged assertion',
      path: '/token',
      init: form({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: jwt(
          { alg: 'RS256' },
          { iss: 'app', sub: 'app', aud: issuer, jti: 'x', exp: 9e9, pad: 'x'.repeat(30_000) },
        ),
      }),
    },
    {
      route: 'POST /request',
      what: 'a pushed request',
      path: '/request',
      init: form({ ...Object.fromEntries(new URLSearchParams(authorization)), state: long }),
    },
    {
      route: 'POST /device/auth',
      what: 'a device',
      path: '/device/auth',
      init: form({ client_id: 'app', scope: 'openid' }),
    },
    { route: 'GET /device', what: 'a code', path: `/device?user_code=${long}` },
    {
      route: 'POST /token/introspection',
      what: 'a long token',
      path: '/token/introspection',
      init: form({ client_id: 'app', token: long }),
    },
    { route: 'GET /me', what: 'a long token', path: '/me', init: { headers: { authorization: `Bearer ${long}` } } },
    { route: 'GET /.well-known/openid-configuration', what: 'itself', path: '/.well-known/openid-configuration' },
    { route: 'GET /jwks', what: 'itself', path: '/jwks' },
    {
      route: 'GET /sign-in',
      what: 'the page',
      path: '/sign-in',
      init: { headers: { 'accept-language': Array.from({ length: 900 }, (_, i) => `x${i};q=0.${i}`).join(',') } },
    },
    {
      route: 'GET /sign-in',
      what: 'many cookies',
      path: '/sign-in',
      init: {
        headers: {
          cookie: Array.from({ length: 500 }, (_, i) => `ligature_continue${i}=${'A'.repeat(12)}`).join('; '),
        },
      },
    },
    { route: 'GET /account', what: 'without a session', path: '/account' },
    { route: 'GET /link-account/:id', what: 'an unknown one', path: `/link-account/${'A'.repeat(43)}` },
    { route: 'GET /recovery/:token', what: 'an unknown one', path: `/recovery/${'A'.repeat(43)}` },
    {
      route: 'POST /recovery',
      what: 'an address',
      path: '/recovery',
      init: form(
        { csrf: csrf.recovery, organization: 'default', email: `${'a'.repeat(60)}@${'b.'.repeat(90)}example` },
        cookie,
      ),
    },
    {
      route: 'POST /register',
      what: 'a password that is hard to estimate',
      path: '/register',
      init: form(
        {
          csrf: csrf.register,
          username: '!',
          displayName: 'qwertyuiop1234567890'.repeat(4),
          password: 'p4ssw0rdqwertyPASSWORDabcabc123321'.repeat(7),
        },
        cookie,
      ),
    },
    {
      route: 'POST /register',
      what: 'many fields',
      path: '/register',
      init: form(Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`f${i}`, 'x'.repeat(50)]))),
    },
    {
      route: 'POST /sign-in/password',
      what: 'a long name',
      path: '/sign-in/password',
      hashes: true,
      init: form({ csrf: csrf.signIn, login: 'ä'.repeat(20_000), password: 'x' }, cookie),
    },
    {
      route: 'GET /api/v1/history',
      what: 'a forged token',
      path: '/api/v1/history',
      init: { headers: { authorization: `Bearer ${jwt({ alg: 'RS256', typ: 'at+jwt' }, { pad: long })}` } },
    },
    {
      route: 'PUT /api/v1/identity-providers/:id',
      what: 'deep JSON',
      path: '/api/v1/identity-providers/x',
      init: { method: 'PUT', headers: { 'content-type': 'application/json' }, body: deep },
    },
  ];
};
