import { X509Certificate } from 'node:crypto';
import { UnusableProviderError } from '#libs/platform/guarded-http.js';
import { UpstreamError } from '../upstream-error.js';
import { parseInstant } from './instant.js';
import { BINDINGS, DS, MD, SAMLP } from './names.js';
import { attributeOf, children, elementsOf, isNamed, parseStrictly, textOf } from './xml.js';

export interface ProviderService {
  readonly binding: keyof typeof BINDINGS;
  readonly url: string;
}

/** What an identity provider says of itself (SAML metadata, section 2.4.3), as much of it as we use. */
export interface SamlProviderMetadata {
  readonly entityId: string;
  readonly singleSignOnServices: readonly ProviderService[];
  readonly singleLogoutServices: readonly ProviderService[];
  /** In PEM. */
  readonly signingCertificates: readonly string[];
  readonly wantAuthnRequestsSigned: boolean;
}

const refuse = (detail: string): UpstreamError => new UpstreamError('metadata_malformed', 'saml_metadata', detail);

/**
 * Parses a provider's metadata, also out of a federation's, where the entity id says which of its entities is meant.
 * @throws {UpstreamError}
 */
export const parseProviderMetadata = (xml: string, now: Date, entityId?: string): SamlProviderMetadata => {
  const root = parseStrictly(withoutComments(xml), 'saml_metadata');
  const entities = elementsOf(root).filter(
    (element) => isNamed(element, MD, 'EntityDescriptor') && children(element, MD, 'IDPSSODescriptor').length > 0,
  );
  const [entity, ...others] = entities.filter(
    (element) => entityId === undefined || attributeOf(element, 'entityID') === entityId,
  );
  if (!entity)
    throw refuse(entityId === undefined ? 'it describes no identity provider' : `it does not describe ${entityId}`);
  if (others.length > 0) throw refuse('it describes several identity providers: say which one by its entity id');
  for (const element of [root, entity]) {
    const until = attributeOf(element, 'validUntil');
    const time = parseInstant(until);
    if (until !== undefined && (!time || time <= now)) throw refuse(`it was valid until ${until}`);
  }
  const descriptor = children(entity, MD, 'IDPSSODescriptor').find((element) =>
    (attributeOf(element, 'protocolSupportEnumeration') ?? '').split(/\s+/).includes(SAMLP),
  );
  if (!descriptor) throw refuse('the provider does not speak SAML 2.0');
  return {
    entityId: attributeOf(entity, 'entityID') ?? '',
    singleSignOnServices: servicesOf(descriptor, 'SingleSignOnService'),
    singleLogoutServices: servicesOf(descriptor, 'SingleLogoutService'),
    signingCertificates: certificatesOf(descriptor),
    wantAuthnRequestsSigned: attributeOf(descriptor, 'WantAuthnRequestsSigned') === 'true',
  };
};

/**
 * People comment their metadata. It comes from the operator or over TLS, and no text that is read is split by a
 * comment: it is cut out whole.
 */
const withoutComments = (xml: string): string => xml.replace(/<!--[\s\S]*?-->/g, '');

const servicesOf = (descriptor: Element, name: string): ProviderService[] =>
  children(descriptor, MD, name).flatMap((element) => {
    const [binding] = (Object.keys(BINDINGS) as (keyof typeof BINDINGS)[]).filter(
      (known) => BINDINGS[known] === attributeOf(element, 'Binding'),
    );
    const url = attributeOf(element, 'Location');
    return binding && url ? [{ binding, url }] : [];
  });

const certificatesOf = (descriptor: Element): string[] =>
  children(descriptor, MD, 'KeyDescriptor')
    .filter((key) => (attributeOf(key, 'use') ?? 'signing') === 'signing')
    .flatMap((key) => elementsOf(key).filter((element) => isNamed(element, DS, 'X509Certificate')))
    .flatMap((element) => pemOf(textOf(element) ?? ''));

/** What is no certificate with an RSA key is left out: nothing that it signs could be verified. */
const pemOf = (base64: string): string[] => {
  try {
    const certificate = new X509Certificate(Buffer.from(base64, 'base64'));
    return isUsable(certificate) ? [certificate.toString()] : [];
  } catch {
    return [];
  }
};

/** XML signatures of providers are verified with RSA keys of at least 2,048 bits. */
export const isUsable = ({ publicKey }: X509Certificate): boolean =>
  publicKey.asymmetricKeyType === 'rsa' && (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) >= 2_048;

/** Reads metadata out of an HTTP answer. @throws {UnusableProviderError} */
export const metadataOf = (target: string, body: string, now: Date, entityId?: string): SamlProviderMetadata => {
  try {
    return parseProviderMetadata(body, now, entityId);
  } catch (error) {
    if (error instanceof UpstreamError)
      throw new UnusableProviderError(`${new URL(target).origin}: its metadata cannot be used: ${error.message}`);
    throw error;
  }
};
