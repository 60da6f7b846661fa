import { exchange, HttpExchangeError, jsonObject } from '#libs/platform/guarded-http.js';
import type { HttpAnswer, HttpPolicy } from '#libs/platform/guarded-http.js';

/** One thing that was looked at, how it is, and what to do where it is not well. */
export interface Finding {
  readonly check: 'settings' | 'metadata' | 'keys' | 'clock' | 'redirect_uri' | 'client';
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  /** What to do; none where it is well. */
  readonly fix?: string;
}

export interface Inspection {
  readonly policy: HttpPolicy;
  readonly now: Date;
  /** Where the provider sends people back to: what has to be registered there. */
  readonly callbackUrl: string;
}

const CLOCK_TOLERANCE_S = 60;

/** Tokens and assertions are good for a minute around our own clock. */
export const inspectClock = ({ date }: HttpAnswer, now: Date): Finding => {
  if (!date) return { check: 'clock', state: 'warning', detail: 'the provider does not say what time it is' };
  const differenceS = Math.round((date.getTime() - now.getTime()) / 1_000);
  return Math.abs(differenceS) <= CLOCK_TOLERANCE_S
    ? { check: 'clock', state: 'ok', detail: `differs by ${Math.abs(differenceS)} s` }
    : {
        check: 'clock',
        state: 'failed',
        detail: `is ${Math.abs(differenceS)} s ${differenceS > 0 ? 'ahead of' : 'behind'} ours; at most ${CLOCK_TOLERANCE_S} s are tolerated`,
        fix: 'Set both clocks by NTP.',
      };
};

/**
 * Whether the provider knows our redirect URI: it is asked to sign nobody in without asking. A provider must not
 * redirect to an address that is not registered (RFC 6749, section 4.1.2.1), so that an answer to it is a yes; a page
 * of its own may be either.
 */
export const inspectRedirectUri = async (
  authorizationEndpoint: string,
  parameters: Readonly<Record<string, string>>,
  { policy, callbackUrl }: Inspection,
): Promise<Finding> => {
  const register = `Register this redirect URI at the provider: ${callbackUrl}`;
  const target = new URL(authorizationEndpoint);
  for (const [name, value] of Object.entries({ ...parameters, redirect_uri: callbackUrl }))
    target.searchParams.set(name, value);
  try {
    const { status, location } = await exchange(target.href, policy);
    if (location?.startsWith(callbackUrl))
      return { check: 'redirect_uri', state: 'ok', detail: `${callbackUrl} is registered` };
    if (status >= 400)
      return {
        check: 'redirect_uri',
        state: 'failed',
        detail: `the provider refuses it: status ${status}`,
        fix: register,
      };
    return {
      check: 'redirect_uri',
      state: 'warning',
      detail: 'the provider answers with a page of its own: it cannot be told',
      fix: register,
    };
  } catch (error) {
    if (!(error instanceof HttpExchangeError)) throw error;
    return {
      check: 'redirect_uri',
      state: 'failed',
      detail: error.message,
      fix: 'See that the authorization endpoint can be reached.',
    };
  }
};

/**
 * Whether the provider takes our client id and secret: a code that it never gave must be refused for itself, not for
 * who sends it.
 */
export const inspectClient = async (
  tokenEndpoint: string,
  request: {
    readonly headers: Readonly<Record<string, string>>;
    readonly parameters: Readonly<Record<string, string>>;
  },
  { policy, callbackUrl }: Inspection,
): Promise<Finding> => {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: 'made-up-to-test-the-client',
    redirect_uri: callbackUrl,
    code_verifier: 'made-up-to-test-the-client-made-up-to-test-the-client',
    ...request.parameters,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...request.headers };
  try {
    const answer = await exchange(tokenEndpoint, policy, { method: 'POST', headers, body: body.toString() });
    const { error } = jsonObject(tokenEndpoint, answer);
    const told = typeof error === 'string' && /^[a-z_]{1,60}$/.test(error) ? error : `status ${answer.status}`;
    return ['invalid_client', 'unauthorized_client', 'incorrect_client_credentials'].includes(told)
      ? {
          check: 'client',
          state: 'failed',
          detail: `the provider refuses it: ${told}`,
          fix: 'Compare client id and secret with what the provider shows.',
        }
      : { check: 'client', state: 'ok', detail: `id and secret are taken; the made-up code is refused: ${told}` };
  } catch (error) {
    if (!(error instanceof HttpExchangeError)) throw error;
    return {
      check: 'client',
      state: 'failed',
      detail: error.message,
      fix: 'See that the token endpoint can be reached.',
    };
  }
};
