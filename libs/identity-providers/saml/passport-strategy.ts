import { SAML, Strategy, ValidateInResponseTo } from '@node-saml/passport-saml';
import type { PassportSamlConfig, Profile, VerifiedCallback } from '@node-saml/passport-saml';

/*
 * The one place that touches @node-saml/passport-saml 5.1.1. Its defaults accept SHA-1 and never look at InResponseTo;
 * hardened as below it still accepts what security.md lists ("Upstream SAML"). So it writes our requests, and reads
 * only responses that have passed every check of ours, from which it must read the same person.
 * `passport-strategy.unit.spec.ts` fails when the library no longer needs this.
 */

/** What surrounds the library in one flow. */
export interface StrategySurroundings {
  /** Our entity id. */
  readonly entityId: string;
  readonly assertionConsumerService: string;
  readonly singleSignOnService: string;
  /** The provider's certificates, in PEM. */
  readonly certificates: readonly string[];
  readonly signed: 'assertion' | 'response' | 'both';
  readonly nameIdFormat: string;
  readonly clockSkewS: number;
  /** Signs requests, where the provider wants that. PEM. */
  readonly signingKey?: string | undefined;
  readonly decryptionKey?: string | undefined;
  /** The id of the request; nothing where a response answers none. */
  readonly requestId: string | undefined;
  readonly forceAuthn: boolean;
  /** Of which class the authentication must be; none: any. */
  readonly authnContexts: readonly string[];
}

const configuration = (surroundings: StrategySurroundings): PassportSamlConfig => {
  const { requestId, signingKey, decryptionKey, authnContexts } = surroundings;
  return {
    issuer: surroundings.entityId,
    audience: surroundings.entityId,
    callbackUrl: surroundings.assertionConsumerService,
    entryPoint: surroundings.singleSignOnService,
    idpCert: [...surroundings.certificates],
    wantAssertionsSigned: surroundings.signed !== 'response',
    wantAuthnResponseSigned: surroundings.signed !== 'assertion',
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    acceptedClockSkewMs: surroundings.clockSkewS * 1_000,
    identifierFormat: surroundings.nameIdFormat,
    forceAuthn: surroundings.forceAuthn,
    // Which methods are good enough is the provider's business; asking for one by name locks out all others.
    disableRequestedAuthnContext: authnContexts.length === 0,
    authnContext: [...authnContexts],
    racComparison: 'exact',
    ...(signingKey === undefined ? {} : { privateKey: signingKey }),
    ...(decryptionKey === undefined ? {} : { decryptionPvk: decryptionKey }),
    // An unsolicited response has none, and its absence is checked by us; all others must have ours.
    validateInResponseTo: requestId === undefined ? ValidateInResponseTo.never : ValidateInResponseTo.always,
    generateUniqueId: () => requestId ?? '',
    // The library's own cache forgets at a restart, and lets two concurrent responses pass. Ours knows the one request
    // of this flow.
    cacheProvider: {
      saveAsync: (key, value) => Promise.resolve({ value, createdAt: 0, key }),
      getAsync: (key) => Promise.resolve(key !== null && key === requestId ? new Date().toISOString() : null),
      removeAsync: (key) => Promise.resolve(key),
    },
  };
};

/**
 * An authentication request for the redirect binding, signed where there is a key.
 * @returns where to send the browser
 */
export const redirectRequest = (surroundings: StrategySurroundings): Promise<string> =>
  new Promise((done, fail) => {
    const strategy = strategyOf(surroundings, { redirect: done, error: fail });
    strategy.authenticate({ query: {}, body: {} } as never, { samlFallback: 'login-request' });
  });

/** An authentication request for the POST binding, signed within where there is a key. @returns the form's fields */
export const postRequest = async (surroundings: StrategySurroundings): Promise<Record<string, string>> => {
  // Deflated messages are for the redirect binding only (SAML bindings, section 3.5.4).
  const library = new SAML({ ...configuration(surroundings), skipRequestCompression: true });
  const { SAMLRequest } = await library.getAuthorizeMessageAsync('');
  return { SAMLRequest: String(SAMLRequest) };
};

/**
 * Our answer to a LogoutRequest, for the redirect binding, signed where there is a key.
 * @returns where to send the browser
 */
export const logoutResponse = (
  surroundings: StrategySurroundings,
  request: { readonly id: string; readonly relayState: string | undefined },
  singleLogoutService: string,
): Promise<string> =>
  new SAML({ ...configuration(surroundings), logoutUrl: singleLogoutService }).getLogoutResponseUrlAsync(
    { ID: request.id } as Profile,
    request.relayState ?? '',
    {},
    true,
  );

/** Whom the library reads in a response. @throws what it reports as an error */
export const readByLibrary = (
  surroundings: StrategySurroundings,
  encoded: string,
): Promise<{ readonly nameId: string; readonly issuer: string }> =>
  new Promise((done, fail) => {
    const strategy = strategyOf(surroundings, {
      success: ({ nameID, issuer }: Profile) => done({ nameId: nameID, issuer }),
      fail: () => fail(new Error('the library let nobody in')),
      pass: () => fail(new Error('the library read no sign-in')),
      error: fail,
    });
    strategy.authenticate({ query: {}, body: { SAMLResponse: encoded } } as never, {});
  });

/** Passport hangs its outcomes on a strategy when it drives one; here a promise does. */
const strategyOf = (surroundings: StrategySurroundings, outcomes: object): Strategy =>
  Object.assign(
    new Strategy(
      configuration(surroundings),
      (profile: Profile | null, done: VerifiedCallback) => done(null, profile ?? undefined),
      (_profile: Profile | null, done: VerifiedCallback) => done(null, undefined),
    ),
    outcomes,
  );
