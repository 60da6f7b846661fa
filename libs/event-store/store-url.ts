/** The event store's URL cannot be used. */
export class StoreUrlError extends Error {
  readonly code = 'event_store_url_invalid';
}

/**
 * Rejects URL forms that do not do what they say (H10): `esdb+discover://` uses only its first host.
 * @throws {StoreUrlError} with the form to use instead
 */
export const checkStoreUrl = (url: string): string => {
  const match = /^(esdb(?:\+discover)?):\/\/(?:[^@/]*@)?([^/?]+)/.exec(url);
  if (!match)
    throw new StoreUrlError('An event store URL looks like esdb://host:2113, esdb://a,b,c or esdb+discover://dns-name');
  const [, scheme, hosts] = match;
  if (scheme === 'esdb+discover' && hosts?.includes(',')) {
    throw new StoreUrlError(
      `EVENTSTORE_URL: esdb+discover:// asks only its first host; name the cluster as esdb://${hosts}`,
    );
  }
  return url;
};
