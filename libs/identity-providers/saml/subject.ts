import type { VerifiedAssertion } from '../verified-assertion.js';
import { isLine } from '#libs/platform/text.js';
import { UpstreamError } from '../upstream-error.js';
import { singleValue } from './attributes.js';
import type { NameId, SamlAssertion } from './assertion.js';
import { nameIdFormats } from './settings.js';
import type { SamlProviderSettings } from './settings.js';

/**
 * A qualifier that is left out means the two parties themselves (SAML core, section 8.3.7).
 * @param audience our entity id
 */
export const qualifiersOf = (
  { format, nameQualifier, spNameQualifier }: NameId,
  issuer: string,
  audience: string,
): readonly string[] => [format, nameQualifier ?? issuer, spNameQualifier ?? audience];

/** The person as logout messages name them: by the NameID, transient or not. */
export const nameAtProvider = (nameId: NameId, issuer: string, audience: string): string =>
  JSON.stringify([nameId.value, ...qualifiersOf(nameId, issuer, audience)]);

const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, 'saml_assertion', detail);

/** Refused as it stands and never repaired: two subjects must not become one (security row T1). */
const unfit = (): UpstreamError => refuse('subject_invalid', 'what names the person contains control characters');

/**
 * Who the assertion is about: by its NameID, or by the attribute that the provider is declared to name people by. The
 * two are different kinds of identity (domain.md, "Streams"); a transient NameID is another one each time and never a
 * key.
 * @throws {UpstreamError}
 */
export const subjectOf = (
  { nameId, attributes }: Pick<SamlAssertion, 'nameId' | 'attributes'>,
  { identifier, nameIdFormat, entityId }: SamlProviderSettings,
  audience: string,
): Pick<VerifiedAssertion, 'sourceKind' | 'subject' | 'subjectQualifiers'> => {
  if (identifier.from === 'attribute') {
    const subject = singleValue(attributes, identifier.name);
    if (subject !== undefined && !isLine(subject)) throw unfit();
    if (subject === undefined)
      throw refuse('subject_missing', 'the attribute that names the person has not exactly one value');
    return { sourceKind: 'saml_attribute', subject, subjectQualifiers: [identifier.name] };
  }
  if (nameId.format === nameIdFormats.transient)
    throw refuse('name_id_transient', 'a NameID that is another one each time names nobody');
  if (nameIdFormat !== 'unspecified' && nameId.format !== nameIdFormats[nameIdFormat])
    throw refuse('name_id_format', 'not the NameID format that the provider is declared with');
  if (!isLine(nameId.value)) throw unfit();
  return {
    sourceKind: 'saml_name_id',
    subject: nameId.value,
    subjectQualifiers: qualifiersOf(nameId, entityId, audience),
  };
};
