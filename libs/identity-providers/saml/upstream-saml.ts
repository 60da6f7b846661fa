import type { VerifiedAssertion } from '../verified-assertion.js';
import type { Clock } from '#libs/platform/clock.js';
import { freshSecret } from '../flows.postgres.js';
import type { Flow, Flows } from '../flows.postgres.js';
import { mappedClaims } from '../mapped-claims.js';
import { isOfFlow, NOTHING_ASKED, notInTheFuture, samlReauthentication } from '../reauthentication.js';
import type { AskedOfProvider } from '../reauthentication.js';
import { UpstreamError } from '../upstream-error.js';
import { refusing } from '../upstream-protocol.js';
import type {
  BeginRequest,
  BegunSignIn,
  CompletedSignIn,
  CompleteRequest,
  UnsolicitedSignIn,
  UpstreamProtocol,
  UpstreamRefusal,
} from '../upstream-protocol.js';
import type { SamlAssertion } from './assertion.js';
import { entityIdOf } from './addresses.js';
import { singleValue } from './attributes.js';
import type { ConsumedAssertions, Consumed, SamlFlowRequest } from './consumed-assertions.postgres.js';
import { nowWithin } from './instant.js';
import { decodePostMessage } from './message.js';
import { postRequest, readByLibrary, redirectRequest } from './passport-strategy.js';
import { receiveResponse, verifyResponse } from './response.js';
import type { ReceivedResponse, VerifiedResponse } from './response.js';
import { SeenSignatures } from './seen-signatures.js';
import type { SamlProviderSettings } from './settings.js';
import type { SigningCertificates } from './signing-certificates.js';
import { surroundingsOf } from './surroundings.js';
import { nameAtProvider, subjectOf } from './subject.js';

export interface UpstreamSamlOptions {
  readonly flows: Flows<SamlFlowRequest>;
  readonly consumed: ConsumedAssertions;
  readonly certificates: SigningCertificates;
  readonly clock: Clock;
}

type Settings = SamlProviderSettings;
type Completed<Intent> = CompletedSignIn<Intent> | UnsolicitedSignIn | UpstreamRefusal<Intent>;

/**
 * Sign-in at SAML 2.0 identity providers: web browser SSO profile, response by the POST binding (security rows S1–S14).
 */
export class UpstreamSaml<Intent> implements UpstreamProtocol<Settings, Intent> {
  readonly #seen = new SeenSignatures();

  constructor(private readonly options: UpstreamSamlOptions) {}

  begin(request: BeginRequest<Settings, Intent>): Promise<BegunSignIn | UpstreamRefusal> {
    return refusing(async () => {
      const { settings, browserId, callbackUrl, intent, reauthenticate = false, asked = NOTHING_ASKED } = request;
      const { forceAuthn } = samlReauthentication(settings);
      if (reauthenticate && !forceAuthn)
        throw new UpstreamError(
          'reauthentication_not_proven',
          'authorization_request',
          'by its settings the provider cannot prove it',
        );
      const acrValues = authnContextsFor(settings, asked);
      // An xs:ID begins with a letter or an underscore.
      const requestId = `_${freshSecret()}`;
      const surroundings = {
        ...surroundingsOf(settings, callbackUrl, await this.options.certificates.of(settings)),
        requestId,
        // There is no max_age here: whoever asks for one is authenticated now.
        forceAuthn: forceAuthn && (reauthenticate || asked.anew || asked.maxAgeS !== undefined),
        authnContexts: acrValues,
      };
      const [service] = settings.singleSignOnServices;
      const begun: BegunSignIn =
        service?.binding === 'post'
          ? { kind: 'post', postTo: service.url, fields: await postRequest(surroundings) }
          : { kind: 'redirect', redirectTo: await redirectRequest(surroundings) };
      await this.options.flows.insert(requestId, browserId, {
        providerId: settings.id,
        issuer: settings.entityId,
        kept: { acrValues },
        reauthenticate,
        intent,
      });
      return begun;
    });
  }

  async complete(request: CompleteRequest<Settings>): Promise<Completed<Intent>> {
    const received = await refusing(() =>
      Promise.resolve(receiveResponse(decodePostMessage(request.parameters.SAMLResponse))),
    );
    if ('kind' in received) return received;
    // What answers no request of ours is not looked at any further: it is refused below (security row D1).
    const isAwaited = received.inResponseTo === undefined || (await this.options.flows.isKnown(received.inResponseTo));
    const verified = isAwaited
      ? await refusing(() =>
          this.options.certificates.tryWith(request.settings, (certificates) =>
            this.#verify(certificates, request, received),
          ),
        )
      : undefined;
    const refused = verified && 'kind' in verified ? verified : undefined;
    // What came too often uses up nothing: one of its like may be the user's own, under way at this moment.
    if (refused?.code === 'assertion_replayed') return refused;
    const assertion = verified && !('kind' in verified) ? verified.assertion : undefined;
    const consumed = await this.options.consumed.consume(
      assertion ? assertion.inResponseTo : received.inResponseTo,
      request.browserId,
      assertion && { providerId: request.settings.id, id: assertion.id, usableUntil: assertion.usableUntil },
    );
    const taken = await refusing(() => Promise.resolve(flowOf(consumed, request.settings)));
    if (taken && 'kind' in taken) return taken;
    const intent = taken && { intent: taken.intent as Intent };
    if (refused) return { ...refused, ...intent };
    const completed = await refusing(() =>
      Promise.resolve(completedSignIn<Intent>(request, assertion as SamlAssertion, taken, this.options.clock())),
    );
    return completed.kind === 'refused' ? { ...completed, ...intent } : completed;
  }

  /** Everything but which flow the response belongs to. */
  async #verify(
    certificates: readonly string[],
    { settings, callbackUrl, parameters }: CompleteRequest<Settings>,
    received: ReceivedResponse,
  ): Promise<VerifiedResponse> {
    const audience = entityIdOf(callbackUrl);
    const verified = await verifyResponse(received, {
      issuer: settings.entityId,
      certificates,
      signed: settings.signaturePolicy,
      encrypted: settings.encryptedAssertionsOnly ? 'required' : 'optional',
      audience,
      recipient: callbackUrl,
      decryptionKeys: [settings.decryptionKey, settings.previousDecryptionKey].filter((key) => key !== undefined),
      seen: this.#seen,
      now: nowWithin(this.options.clock(), settings.clockSkewS),
    });
    const { assertion, decryptionKey, signers } = verified;
    if (assertion.inResponseTo === undefined && !settings.allowIdpInitiated)
      throw new UpstreamError('unsolicited_response', 'saml_response', 'it answers no request of ours');
    const surroundings = {
      ...surroundingsOf(settings, callbackUrl, signers),
      decryptionKey,
      requestId: assertion.inResponseTo,
    };
    const read = await refusedByLibrary(readByLibrary(surroundings, String(parameters.SAMLResponse)));
    if (read.nameId !== assertion.nameId.value || read.issuer !== settings.entityId)
      throw new UpstreamError('response_ambiguous', 'saml_response', 'the library read another subject');
    return verified;
  }
}

/** Whatever the library has against a response that has passed every check of ours. */
const refusedByLibrary = async <T>(reading: Promise<T>): Promise<T> => {
  try {
    return await reading;
  } catch (error) {
    throw new UpstreamError('response_refused', 'saml_response', (error as Error).message.slice(0, 200));
  }
};

/**
 * The flow of this browser at this provider that the response answers; nothing for an unsolicited one.
 * @throws {UpstreamError}
 */
const flowOf = (consumed: Consumed, settings: Settings): Flow<SamlFlowRequest> | undefined => {
  const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, 'saml_response', detail);
  if (consumed.kind === 'replayed') throw refuse('assertion_replayed', 'the assertion was used before');
  const { flow } = consumed;
  if (!flow) return undefined;
  if (flow.kind === 'refused') throw refuse(flow.code, 'it answers no request of this browser that is open');
  if (flow.flow.providerId !== settings.id || flow.flow.issuer !== settings.entityId)
    throw refuse('state_mismatch', 'it answers a request to another provider');
  return flow.flow;
};

const completedSignIn = <Intent>(
  { settings, callbackUrl }: CompleteRequest<Settings>,
  assertion: SamlAssertion,
  flow: Flow<SamlFlowRequest> | undefined,
  now: Date,
): CompletedSignIn<Intent> | UnsolicitedSignIn => {
  const verified = assertionOf(settings, entityIdOf(callbackUrl), assertion, flow?.kept.acrValues, now);
  if (!flow) return { kind: 'unsolicited', assertion: verified };
  // ForceAuthn was asked for; that it was done is for the provider to prove (SAML core, section 2.7.2).
  if (flow.reauthenticate && !isOfFlow(assertion.authnInstant, flow.begunAt))
    throw new UpstreamError('reauthentication_not_proven', 'saml_assertion', 'AuthnInstant is older than the flow');
  return { kind: 'verified', assertion: verified, intent: flow.intent as Intent, reauthenticated: flow.reauthenticate };
};

/** A provider that cannot meet it must fail (SAML core, section 3.3.2.2.1), which a wish must not do. */
const authnContextsFor = (settings: Settings, { acrValues, acrEssential }: AskedOfProvider): readonly string[] =>
  acrEssential && samlReauthentication(settings).requestedAuthnContext ? acrValues : [];

/** Attributes by the provider's allow-list (security rows L23, S9). */
const assertionOf = (
  settings: Settings,
  audience: string,
  assertion: SamlAssertion,
  requestedAcrValues: readonly string[] | undefined,
  now: Date,
): VerifiedAssertion => {
  const { attributes, nameId, authnInstant, authnContextClass, sessionIndex, id } = assertion;
  const single = Object.fromEntries([...attributes.keys()].map((name) => [name, singleValue(attributes, name)]));
  const claims = mappedClaims(settings.attributeMapping, single);
  return {
    providerId: settings.id,
    issuer: settings.entityId,
    ...subjectOf({ nameId, attributes }, settings, audience),
    claims: { ...claims, emailVerified: claims.email !== undefined && settings.emailsVerified },
    authTime: notInTheFuture(authnInstant, now),
    ...(authnContextClass === undefined ? {} : { acr: authnContextClass }),
    ...(requestedAcrValues?.length ? { requestedAcrValues } : {}),
    amr: [],
    atProvider: {
      providerId: settings.id,
      issuer: settings.entityId,
      subject: nameAtProvider(nameId, settings.entityId, audience),
      session: sessionIndex,
    },
    assertionId: id,
  };
};
