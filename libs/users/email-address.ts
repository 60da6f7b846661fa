/** An e-mail address as this system takes it, or a refusal. */
export type ParsedEmailAddress =
  | {
      readonly kind: 'ok';
      /** As to be shown and mailed. */
      readonly address: string;
      /** The one form that stands for it: two addresses are the same exactly when these are. */
      readonly canonical: string;
      readonly domain: string;
    }
  | { readonly kind: 'refused'; readonly code: 'email_invalid' };

/** RFC 5322's atext without `!` and `%`, which some mail systems still route by. */
const ATOM = "[A-Za-z0-9#$&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const ADDRESS = new RegExp(`^(?<local>${ATOM}(?:\\.${ATOM})*)@(?<domain>${LABEL}(?:\\.${LABEL})+)$`);
const NO_MAIL_DOMAIN = /\.(?:\d+|localhost)$/i;

/**
 * One strict grammar (security row L26): RFC 5321's dot-string local part of at most 64 octets and an LDH domain with a
 * dot, together at most
 * 254. No quotes, comments, routes, encoded words, address literals or characters outside ASCII;
 * internationalized domains in their `xn--` form. A last label in digits is an address of a host, one of `localhost`
 * this machine (RFC 6761): neither is anybody's mail domain. White space around is dropped. The canonical form
 * lower-cases both parts; a plus-alias is another address (L19).
 */
export const parseEmailAddress = (input: unknown): ParsedEmailAddress => {
  const refused = { kind: 'refused', code: 'email_invalid' } as const;
  if (typeof input !== 'string' || input.length > 320) return refused;
  const address = input.trim();
  const { local, domain } = ADDRESS.exec(address)?.groups ?? {};
  if (local === undefined || domain === undefined || local.length > 64 || address.length > 254) return refused;
  // An encoded word (RFC 2047) is an atom too, and some mail systems decode it.
  if (NO_MAIL_DOMAIN.test(domain) || local.includes('=?')) return refused;
  return { kind: 'ok', address, canonical: address.toLowerCase(), domain: domain.toLowerCase() };
};
