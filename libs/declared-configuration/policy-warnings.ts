import type { Declaration } from './declaration.js';

/**
 * What the policies of a file do not amount to, although they may look so. A username that people choose themselves is
 * never linked automatically (L31): where they register with one, `onMatch: automatic` asks.
 */
export const policyWarnings = ({ organizations, lineOf }: Declaration): readonly string[] =>
  organizations.flatMap(({ loginPolicy, identityProviders }, i) => {
    const { password, registration, loginNames } = loginPolicy;
    if (!password || !registration || !loginNames.includes('username')) return [];
    return identityProviders.flatMap(({ id, policy }, j) => {
      const { autoLink, onMatch, usernameAuthoritative } = policy;
      if (!autoLink.includes('username') || onMatch !== 'automatic' || !usernameAuthoritative) return [];
      const place = ['organizations', i, 'identityProviders', j, 'policy'];
      return [
        `line ${lineOf(place)}: ${place.join('.')}: people register with a username of their choice here, so a match by ` +
          `username asks; it is automatic only for usernames that ${id} or an administrator gave`,
      ];
    });
  });
