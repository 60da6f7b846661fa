import type { AccountAsOf } from './account-as-of.js';

/** A part of an account that is not the same at two moments; `null` where there was nothing. */
export interface Difference {
  /** Which part, such as `profile.displayName`, `emails.verified`, `links.<claim id>`, `roles.auditor`. */
  readonly part: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** An account in parts that are each there once, so that two accounts can be compared part by part. */
const partsOf = ({ profile, emails, links, credentials, roles, ...rest }: AccountAsOf): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>([
    ...Object.entries(rest),
    ...Object.entries(profile).map(([name, value]) => [`profile.${name}`, value] as const),
    ...emails.map(
      (email) =>
        [`emails.${email.verified ? 'verified' : email.assertedBy ? 'asserted' : 'unverified'}`, email] as const,
    ),
    ...links.map((link) => [`links.${link.claimId}`, link] as const),
    // Other credentials are links.
    ...credentials
      .filter(({ kind }) => kind === 'password')
      .map(({ kind, since }) => [`credentials.${kind}`, { since }] as const),
    ...roles.map(({ role, since }) => [`roles.${role}`, { since }] as const),
  ]);

/** What differs between an account as of one moment and as of another. Pure. */
export const differencesBetween = (before: AccountAsOf, after: AccountAsOf): readonly Difference[] => {
  const [then, now] = [partsOf(before), partsOf(after)];
  return [...new Set([...then.keys(), ...now.keys()])]
    .map((part) => ({ part, before: then.get(part) ?? null, after: now.get(part) ?? null }))
    .filter((each) => JSON.stringify(each.before) !== JSON.stringify(each.after));
};
