import type { Clock } from '#libs/platform/clock.js';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';

/** A change of a relying party's settings is heeded within this time, in milliseconds. */
const FRESH_MS = 1_000;

type Find = (clientId: string) => Promise<RelyingPartySettings | undefined>;

/**
 * A client's stream is read once a second at most, however many requests come. Clients that are not there are not
 * remembered: one that was just registered works at once.
 */
export const rememberRelyingParties = (find: Find, clock: Clock): Find => {
  const known = new Map<
    string,
    { readonly settings: Promise<RelyingPartySettings | undefined>; readonly atMs: number }
  >();
  return async (clientId) => {
    const now = clock().getTime();
    const remembered = known.get(clientId);
    if (remembered && now - remembered.atMs < FRESH_MS) {
      // Where it failed, whoever asked may have had less time left than this request has.
      const shared = await remembered.settings.then(
        (found) => ({ found }),
        () => undefined,
      );
      if (shared) return shared.found;
    }
    const settings = find(clientId);
    known.set(clientId, { settings, atMs: now });
    const found = await settings.catch((error: unknown) => {
      known.delete(clientId);
      throw error;
    });
    if (!found) known.delete(clientId);
    return found;
  };
};
