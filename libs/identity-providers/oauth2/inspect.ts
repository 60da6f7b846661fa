import { exchange, HttpExchangeError } from '#libs/platform/guarded-http.js';
import { inspectClient, inspectClock, inspectRedirectUri } from '../inspection-steps.js';
import type { Finding, Inspection } from '../inspection-steps.js';
import type { OAuth2ProviderSettings } from './settings.js';

/** User API, clock, redirect URI and client of an OAuth 2.0 provider. */
export const inspectOAuth2 = async (
  settings: OAuth2ProviderSettings,
  inspection: Inspection,
): Promise<readonly Finding[]> => {
  const { clientId, clientSecret, userEndpoint, authorizationEndpoint, tokenEndpoint } = settings;
  try {
    // Without a token: that it says no is all that is wanted.
    const answer = await exchange(userEndpoint, inspection.policy);
    const client = { client_id: clientId, ...(clientSecret === undefined ? {} : { client_secret: clientSecret }) };
    return [
      { check: 'metadata', state: 'ok', detail: 'the user API answers' },
      inspectClock(answer, inspection.now),
      await inspectRedirectUri(
        authorizationEndpoint,
        { response_type: 'code', client_id: clientId, state: 's' },
        inspection,
      ),
      await inspectClient(tokenEndpoint, { headers: {}, parameters: client }, inspection),
    ];
  } catch (error) {
    if (!(error instanceof HttpExchangeError)) throw error;
    return [
      {
        check: 'metadata',
        state: 'failed',
        detail: error.message,
        fix: 'See that the provider’s endpoints can be reached from here.',
      },
    ];
  }
};
