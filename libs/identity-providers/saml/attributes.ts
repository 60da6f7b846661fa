import { isLine } from '#libs/platform/text.js';
import { UpstreamError } from '../upstream-error.js';
import { SAML } from './names.js';
import { attributeOf, children, textOf } from './xml.js';

/** The values of each attribute of an assertion, by its name; only values that are plain text. */
export type SamlAttributes = ReadonlyMap<string, readonly string[]>;

const MAX_TEXT = 500;

/**
 * One rule for names that are there twice, whatever their format: the assertion is refused (security row S9). Whoever
 * took the first and whoever took the last would see two people.
 * @param assertion parsed from signed bytes
 * @throws {UpstreamError}
 */
export const readAttributes = (assertion: Element): SamlAttributes => {
  const attributes = new Map<string, readonly string[]>();
  for (const element of children(assertion, SAML, 'AttributeStatement').flatMap((statement) =>
    children(statement, SAML, 'Attribute'),
  )) {
    const name = attributeOf(element, 'Name');
    if (name === undefined || name === '' || attributes.has(name))
      throw new UpstreamError('attribute_duplicated', 'saml_assertion', 'an attribute is there twice, or has no name');
    const values = children(element, SAML, 'AttributeValue').map(textOf);
    attributes.set(
      name,
      values.filter((value): value is string => value !== undefined),
    );
  }
  return attributes;
};

/**
 * The attribute's value where it has exactly one, printable and of a sensible length: of several none is *the* value.
 */
export const singleValue = (attributes: SamlAttributes, name: string | undefined): string | undefined => {
  const [value, ...others] = (name === undefined ? undefined : attributes.get(name)) ?? [];
  return value !== undefined && others.length === 0 && value !== '' && isLine(value, MAX_TEXT) ? value : undefined;
};
