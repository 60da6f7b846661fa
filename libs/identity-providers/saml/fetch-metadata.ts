import { exchange, HttpExchangeError } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import { metadataOf } from './provider-metadata.js';
import type { SamlProviderMetadata } from './provider-metadata.js';

/** Fetches the metadata that a provider publishes. @throws {HttpExchangeError} */
export const fetchMetadata = async (
  metadataUrl: string,
  policy: HttpPolicy,
  now: Date,
  entityId?: string,
): Promise<SamlProviderMetadata> => {
  const { status, body } = await exchange(metadataUrl, policy, {
    headers: { accept: 'application/samlmetadata+xml, application/xml' },
  });
  if (status !== 200) throw new HttpExchangeError(`${metadataUrl}: status ${status}`);
  return metadataOf(metadataUrl, body, now, entityId);
};
