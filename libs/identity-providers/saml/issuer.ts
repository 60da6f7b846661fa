import { UpstreamError } from '../upstream-error.js';
import type { UpstreamStep } from '../upstream-error.js';
import { ENTITY_FORMAT } from './names.js';
import { attributeOf, textOf } from './xml.js';

/**
 * An Issuer names the provider by its entity id, byte for byte (SAML core, section 2.2.5; security row S6).
 * @throws {UpstreamError}
 */
export const checkIssuer = (element: Element | undefined, expected: string, step: UpstreamStep): void => {
  const format = attributeOf(element, 'Format');
  if (textOf(element) !== expected || (format !== undefined && format !== ENTITY_FORMAT))
    throw new UpstreamError('issuer_mismatch', step, 'from another issuer, or from nobody');
};
