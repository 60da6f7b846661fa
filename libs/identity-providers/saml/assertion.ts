import { isLine } from '#libs/platform/text.js';
import { UpstreamError } from '../upstream-error.js';
import type { UpstreamStep } from '../upstream-error.js';
import { readAttributes } from './attributes.js';
import type { SamlAttributes } from './attributes.js';
import { parseInstant } from './instant.js';
import type { Now } from './instant.js';
import { checkIssuer } from './issuer.js';
import { BEARER, SAML } from './names.js';
import { nameIdFormats } from './settings.js';
import { attributeOf, children, elementChildren, isNamed, onlyChild, textOf } from './xml.js';

/** A NameID with what makes it unique (SAML core, section 2.2.2). */
export interface NameId {
  readonly value: string;
  readonly format: string;
  readonly nameQualifier: string | undefined;
  readonly spNameQualifier: string | undefined;
}

/** What a verified assertion says. */
export interface SamlAssertion {
  readonly id: string;
  /** The request of ours that it answers; nothing for an unsolicited one. */
  readonly inResponseTo: string | undefined;
  readonly nameId: NameId;
  readonly authnInstant: Date;
  readonly authnContextClass: string | undefined;
  /** The session at the provider, which a LogoutRequest may name. */
  readonly sessionIndex: string | undefined;
  readonly attributes: SamlAttributes;
  /** Until then a second use of it must be noticed. */
  readonly usableUntil: Date;
}

export interface ExpectedAssertion {
  readonly issuer: string;
  readonly audience: string;
  readonly recipient: string;
  /** What the response around it says. */
  readonly inResponseTo: string | undefined;
  readonly now: Now;
}

const MAX_ID_LENGTH = 500;
const CONDITIONS = ['AudienceRestriction', 'OneTimeUse', 'ProxyRestriction'];

const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, 'saml_assertion', detail);

/** A text that names something: printable, of a sensible length; nothing for any other. */
const nameOf = (text: string | undefined): string | undefined =>
  text !== undefined && text !== '' && isLine(text, MAX_ID_LENGTH) ? text : undefined;

/**
 * Reads a web browser SSO assertion (SAML profiles, sections 4.1.4.2 and 4.1.4.3) and checks issuer, subject
 * confirmation, conditions and statement (security rows S2, S5, S6, S7).
 * @param assertion parsed from signed bytes
 * @throws {UpstreamError}
 */
export const readAssertion = (assertion: Element, expected: ExpectedAssertion): SamlAssertion => {
  const id = nameOf(attributeOf(assertion, 'ID'));
  if (id === undefined || attributeOf(assertion, 'Version') !== '2.0')
    throw refuse('assertion_malformed', 'no id, or not of SAML 2.0');
  const issuedAt = parseInstant(attributeOf(assertion, 'IssueInstant'));
  if (!issuedAt || expected.now.isAhead(issuedAt))
    throw refuse('assertion_not_yet_valid', 'issued in the future, or at no time');
  checkIssuer(onlyChild(assertion, SAML, 'Issuer'), expected.issuer, 'saml_assertion');
  const subject = onlyChild(assertion, SAML, 'Subject');
  const { inResponseTo, usableUntil } = confirmationOf(subject, expected);
  checkConditions(assertion, expected);
  return {
    id,
    inResponseTo,
    usableUntil,
    nameId: nameIdOf(subject),
    ...statementOf(assertion, expected.now),
    attributes: readAttributes(assertion),
  };
};

/** @param parent what the NameID stands in: the Subject of an assertion, or a request @throws {UpstreamError} */
export const nameIdOf = (parent: Element | undefined, step: UpstreamStep = 'saml_assertion'): NameId => {
  const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, step, detail);
  const element = onlyChild(parent, SAML, 'NameID');
  const value = nameOf(textOf(element));
  if (value === undefined) throw refuse('name_id_malformed', 'no NameID, or one that is not plain text');
  const qualifier = (name: string): string | undefined => {
    const text = attributeOf(element, name);
    if (text !== undefined && nameOf(text) === undefined)
      throw refuse('name_id_malformed', `${name} is not plain text`);
    return text;
  };
  return {
    value,
    format: qualifier('Format') ?? nameIdFormats.unspecified,
    nameQualifier: qualifier('NameQualifier'),
    spNameQualifier: qualifier('SPNameQualifier'),
  };
};

/**
 * Exactly one confirmation, as a bearer, for our address, not expired, naming the request that the response names (rows
 * S5, S6, S7).
 */
const confirmationOf = (
  subject: Element | undefined,
  { recipient, inResponseTo, now }: ExpectedAssertion,
): { readonly inResponseTo: string | undefined; readonly usableUntil: Date } => {
  const confirmation = onlyChild(subject, SAML, 'SubjectConfirmation');
  if (attributeOf(confirmation, 'Method') !== BEARER)
    throw refuse('confirmation_method', 'not one subject confirmation as a bearer');
  const data = onlyChild(confirmation, SAML, 'SubjectConfirmationData');
  if (attributeOf(data, 'Recipient') !== recipient)
    throw refuse('recipient_mismatch', 'for another recipient, or for none');
  const usableUntil = parseInstant(attributeOf(data, 'NotOnOrAfter'));
  // A bearer assertion has an end and no beginning (profiles, section 4.1.4.2).
  if (!usableUntil || now.isPast(usableUntil))
    throw refuse('assertion_expired', 'the subject confirmation has expired, or has no end');
  if (attributeOf(data, 'NotBefore') !== undefined)
    throw refuse('assertion_malformed', 'a bearer confirmation with NotBefore');
  if (attributeOf(data, 'InResponseTo') !== inResponseTo)
    throw refuse('in_response_to_mismatch', 'response and assertion do not answer the same request');
  return { inResponseTo, usableUntil };
};

/** SAML core, section 2.5.1: all must hold, and an unknown condition is one that does not. */
const checkConditions = (assertion: Element, { audience, now }: ExpectedAssertion): void => {
  const conditions = onlyChild(assertion, SAML, 'Conditions');
  if (!conditions) throw refuse('audience_mismatch', 'no conditions');
  const known = elementChildren(conditions).every((element) => CONDITIONS.some((name) => isNamed(element, SAML, name)));
  if (!known) throw refuse('condition_unknown', 'a condition that is not known');
  const limit = (name: 'NotBefore' | 'NotOnOrAfter'): Date | undefined => {
    const text = attributeOf(conditions, name);
    const time = parseInstant(text);
    if (text !== undefined && !time) throw refuse('assertion_malformed', `${name} is no time`);
    return time;
  };
  const [from, until] = [limit('NotBefore'), limit('NotOnOrAfter')];
  if (from && now.isAhead(from)) throw refuse('assertion_not_yet_valid', 'its conditions hold later');
  if (until && now.isPast(until)) throw refuse('assertion_expired', 'its conditions held earlier');
  const restrictions = children(conditions, SAML, 'AudienceRestriction');
  const ours = (restriction: Element): boolean =>
    children(restriction, SAML, 'Audience').some((element) => textOf(element) === audience);
  if (restrictions.length === 0 || !restrictions.every(ours))
    throw refuse('audience_mismatch', 'for another audience, or for none');
};

const statementOf = (
  assertion: Element,
  now: Now,
): Pick<SamlAssertion, 'authnInstant' | 'authnContextClass' | 'sessionIndex'> => {
  const statement = onlyChild(assertion, SAML, 'AuthnStatement');
  const authnInstant = parseInstant(attributeOf(statement, 'AuthnInstant'));
  if (!authnInstant) throw refuse('authn_statement_malformed', 'not one AuthnStatement with its AuthnInstant');
  if (now.isAhead(authnInstant)) throw refuse('auth_time_in_the_future', 'AuthnInstant is still to come');
  const until = attributeOf(statement, 'SessionNotOnOrAfter');
  const sessionEnd = parseInstant(until);
  if (until !== undefined && (!sessionEnd || now.isPast(sessionEnd)))
    throw refuse('assertion_expired', 'the session at the provider is over');
  return {
    authnInstant,
    authnContextClass: nameOf(
      textOf(onlyChild(onlyChild(statement, SAML, 'AuthnContext'), SAML, 'AuthnContextClassRef')),
    ),
    sessionIndex: nameOf(attributeOf(statement, 'SessionIndex')),
  };
};
