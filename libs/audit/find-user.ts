import { namedIdentifier } from '#libs/users/queries/named-identifier.js';
import { Claims } from '#libs/users/claims/claims.js';
import type { ClaimsDependencies } from '#libs/users/claims/claims.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';

export interface FindUserDependencies extends ClaimsDependencies {
  readonly indexKeys: IndexKeys;
}

/** What was looked up, as it may be written down: the name's key, never the name. */
export interface LookUp {
  readonly query: { readonly by: 'username' | 'email'; readonly key: string };
  /** Nobody in this organization has the name, where there is none. */
  readonly userId: string | undefined;
}

/**
 * Who has a username or a verified e-mail address in an organization now: exactly this one, by the streams that hold
 * who owns what.
 * @returns nothing where nobody can be called so
 */
export const lookUpUser = async (
  dependencies: FindUserDependencies,
  organizationId: string,
  typed: string,
  context: CommandContext,
): Promise<LookUp | undefined> => {
  const identifier = namedIdentifier(dependencies.indexKeys, organizationId, typed);
  if (!identifier) return undefined;
  const { kind, key, thing } = identifier;
  const ownership = await new Claims(dependencies).ownerOf(thing, {
    ...context,
    actor: { type: 'system', id: 'audit' },
  });
  // The key is the organization's own; the account says so once more (invariant 11).
  const isTheirs = ownership.kind === 'owned' && ownership.owner.organizationId === organizationId;
  return { query: { by: kind, key }, userId: isTheirs ? ownership.userId : undefined };
};
