/*
 * Our addresses for a SAML provider. We are another service provider to each: with an entity id and addresses of its
 * own per provider, an assertion for one can never be used as one of another.
 */

const sibling = (assertionConsumerService: string, name: string): string =>
  assertionConsumerService.replace(/\/acs$/, `/${name}`);

/** Our entity id is where our metadata is. */
export const entityIdOf = (assertionConsumerService: string): string => sibling(assertionConsumerService, 'metadata');
export const singleLogoutServiceOf = (assertionConsumerService: string): string =>
  sibling(assertionConsumerService, 'slo');
