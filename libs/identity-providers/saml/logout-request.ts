import { verify } from 'node:crypto';
import { isLine } from '#libs/platform/text.js';
import { UpstreamError } from '../upstream-error.js';
import { nameIdOf } from './assertion.js';
import type { NameId } from './assertion.js';
import { checkShapeOfMessage } from './document.js';
import { parseInstant } from './instant.js';
import type { Now } from './instant.js';
import { checkIssuer } from './issuer.js';
import { decodePostMessage, decodeRedirectMessage } from './message.js';
import { RSA_SHA256, RSA_SHA512, SAML, SAMLP } from './names.js';
import { signedContent } from './signature.js';
import { signersOf } from './signers.js';
import { attributeOf, children, isNamed, MOST_UNPROVEN, onlyChild, outlineOf, parseOutlined, textOf } from './xml.js';
import type { Outline } from './xml.js';

/** A message as its binding carries it. */
export type LogoutMessage =
  | { readonly binding: 'post'; readonly encoded: unknown; readonly relayState: unknown }
  /**
   * The query as it came, not decoded: the signature is over these very characters (SAML bindings, section 3.4.4.1).
   */
  | { readonly binding: 'redirect'; readonly rawQuery: string };

/** A provider's word that somebody has left there, verified to the end (SAML profiles, section 4.4.4.1). */
export interface LogoutRequest {
  readonly id: string;
  readonly nameId: NameId;
  /** None: all of the person's sessions. */
  readonly sessionIndexes: readonly string[];
  readonly usableUntil: Date;
  /** Given back to the provider with the answer, and used for nothing else. */
  readonly relayState: string | undefined;
}

export interface ExpectedLogoutRequest {
  readonly issuer: string;
  readonly certificates: readonly string[];
  readonly destination: string;
  readonly now: Now;
}

/** A request comes through the browser at once. */
const LIFETIME_MS = 300_000;
const MAX_SESSIONS = 20;
/** Of ids and sessions, in characters; they are kept, byte for byte (security row T1). */
const MAX_NAME = 500;
/** SAML bindings, section 3.4.3. */
const MAX_RELAY_STATE_BYTES = 80;
const REDIRECT_ALGORITHMS: Readonly<Record<string, string>> = {
  [RSA_SHA256]: 'RSA-SHA256',
  [RSA_SHA512]: 'RSA-SHA512',
};

const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, 'saml_logout', detail);

/** Reads a LogoutRequest: signed, for us, from the provider, not expired (security row S11). @throws {UpstreamError} */
export const readLogoutRequest = (message: LogoutMessage, expected: ExpectedLogoutRequest): LogoutRequest => {
  const { request, relayState } =
    message.binding === 'post' ? posted(message, expected) : redirected(message.rawQuery, expected);
  const id = attributeOf(request, 'ID');
  const issuedAt = parseInstant(attributeOf(request, 'IssueInstant'));
  const ends = attributeOf(request, 'NotOnOrAfter');
  const notOnOrAfter = parseInstant(ends);
  if (!id || !isLine(id, MAX_NAME) || !issuedAt || (ends !== undefined && !notOnOrAfter))
    throw refuse('logout_request_malformed', 'no id, or times that are none');
  checkIssuer(onlyChild(request, SAML, 'Issuer'), expected.issuer, 'saml_logout');
  if (attributeOf(request, 'Destination') !== expected.destination)
    throw refuse('destination_mismatch', 'for another address, or for none');
  const usableUntil = new Date(Math.min(issuedAt.getTime() + LIFETIME_MS, notOnOrAfter?.getTime() ?? Infinity));
  if (expected.now.isPast(usableUntil) || expected.now.isAhead(issuedAt))
    throw refuse('logout_request_expired', 'expired, or issued in the future');
  const sessionIndexes = children(request, SAMLP, 'SessionIndex').map(textOf);
  const isName = (text: string | undefined): boolean => text !== undefined && text !== '' && isLine(text, MAX_NAME);
  if (sessionIndexes.length > MAX_SESSIONS || !sessionIndexes.every(isName))
    throw refuse('logout_request_malformed', 'too many sessions, or one without a name');
  return {
    id,
    nameId: nameIdOf(request, 'saml_logout'),
    sessionIndexes: sessionIndexes as string[],
    usableUntil,
    relayState,
  };
};

interface Signed {
  /** Parsed from what the signature covers. */
  readonly request: Element;
  readonly relayState: string | undefined;
}

/** It is small, whoever signed it (security row D1). */
const parsedRequest = (outline: Outline): Element => {
  const root = parseOutlined(outline, 'saml_message', MOST_UNPROVEN);
  if (!isNamed(root, SAMLP, 'LogoutRequest') || attributeOf(root, 'Version') !== '2.0')
    throw refuse('logout_request_malformed', 'not a LogoutRequest of SAML 2.0');
  checkShapeOfMessage(root, [root]);
  return root;
};

const posted = (
  message: Extract<LogoutMessage, { binding: 'post' }>,
  { certificates }: ExpectedLogoutRequest,
): Signed => {
  const outline = outlineOf(decodePostMessage(message.encoded), 'saml_message');
  const request = parsedRequest(outline);
  return {
    request: signedContent(outline.xml, request, signersOf(outline, certificates).certificates),
    relayState: relayStateOf(message.relayState),
  };
};

/**
 * The signature of the redirect binding: over `SAMLRequest`, `RelayState` where there is one, and `SigAlg`, in this
 * order, as they came.
 */
const redirected = (rawQuery: string, { certificates }: ExpectedLogoutRequest): Signed => {
  const raw = new Map<string, string>();
  for (const pair of rawQuery.split('&')) {
    const name = pair.split('=', 1)[0] ?? '';
    if (raw.has(name)) throw refuse('logout_request_malformed', 'a parameter is there twice');
    raw.set(name, pair);
  }
  const asTheyCame = (...names: readonly string[]): string => names.flatMap((name) => raw.get(name) ?? []).join('&');
  // Read from the very characters that the signature covers: another spelling of a name (`SAML%52equest`) is another
  // parameter.
  const parameters = new URLSearchParams(asTheyCame('SAMLRequest', 'RelayState', 'SigAlg', 'Signature'));
  const algorithm = REDIRECT_ALGORITHMS[parameters.get('SigAlg') ?? ''];
  const signature = parameters.get('Signature');
  if (signature === null) throw refuse('signature_missing', 'the LogoutRequest is not signed');
  if (algorithm === undefined) throw refuse('signature_algorithm', 'an algorithm that is not accepted');
  const covered = asTheyCame('SAMLRequest', 'RelayState', 'SigAlg');
  const bytes = Buffer.from(signature, 'base64');
  if (!certificates.some((certificate) => verify(algorithm, Buffer.from(covered), certificate, bytes)))
    throw refuse('signature_invalid', 'by none of the provider’s certificates');
  const request = parsedRequest(outlineOf(decodeRedirectMessage(parameters.get('SAMLRequest')), 'saml_message'));
  return { request, relayState: relayStateOf(parameters.get('RelayState') ?? undefined) };
};

const relayStateOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= MAX_RELAY_STATE_BYTES ? value : undefined;
