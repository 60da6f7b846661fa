import { Provider } from 'oidc-provider';
import type { AdapterPayload, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '#libs/platform/clock.js';
import { addressKey } from '#libs/throttling/address-key.js';
import { FailureLimit } from '#libs/throttling/failure-limit.js';
import type { Throttles } from '#libs/throttling/throttles.js';
import type { Message } from '#libs/web/messages.js';
import { deviceCodePage, deviceConfirmPage, deviceDonePage } from './pages.js';
import type { PageBranding } from './page-branding.js';
import { OPENID_TEXTS as texts } from './texts.js';

/** A device's code is good for this long, in seconds (P10). */
export const DEVICE_CODE_TTL_S = 300;

/** Eight letters of twenty: 2.5 × 10¹⁰ codes, without vowels and without what looks alike (RFC 8628, section 6.1). */
const SHAPE = { charset: 'base-20', mask: '****-****' } as const;

/** The pages of the device flow (RFC 8628): they show who asks, and warn. */
export const deviceFlowOf = (branding: PageBranding): NonNullable<Configuration['features']>['deviceFlow'] => ({
  enabled: true,
  ...SHAPE,
  deviceInfo: () => ({}),
  userCodeInputSource: async (ctx, form, _out, error) => {
    const { userCode } = ctx.state as { userCode?: string };
    ctx.body = deviceCodePage(ctx, await branding.of(ctx), form, { userCode, error: error && textOf(error) });
  },
  userCodeConfirmSource: async (ctx, form, client, _deviceInfo, userCode) => {
    ctx.body = deviceConfirmPage(ctx, await branding.of(ctx), form, {
      app: client.clientName ?? client.clientId,
      userCode,
    });
  },
  successSource: async (ctx) => {
    ctx.body = deviceDonePage(ctx, await branding.of(ctx));
  },
});

const textOf = (error: Error): Message => {
  if (error instanceof TooManyCodesError) return texts.deviceTooMany;
  if (error.name === 'AbortedError') return texts.deviceAborted;
  return ['NotFoundError', 'ExpiredError', 'AlreadyUsedError', 'NoCodeError'].includes(error.name)
    ? texts.deviceCodeWrong
    : texts.deviceFailed;
};

/** Guesses are over for a while. */
class TooManyCodesError extends Error {
  readonly expose = true;
  readonly status = 429;
  readonly statusCode = 429;
}

type FindByUserCode = (userCode: string) => Promise<AdapterPayload | undefined>;

/** A code that nobody has is a guess: so many are allowed from an address, whichever instance is asked (P10). */
export const limitCodeGuesses = (throttles: Throttles, clock: Clock, find: FindByUserCode): FindByUserCode => {
  const limit = new FailureLimit(throttles, clock, 'device_codes_per_address');
  return async (userCode) => {
    const ctx = Provider.ctx;
    const answer = limit.ask(addressKey(ctx?.ip));
    if (answer.kind === 'throttled') {
      ctx?.set('retry-after', String(answer.retryAfterS));
      throw new TooManyCodesError('too many device codes were tried');
    }
    const found = await find(userCode);
    if (!found) await limit.noteFailure(addressKey(ctx?.ip));
    return found;
  };
};

/**
 * A link with the code in it (`verification_uri_complete`) shows the form with the code filled in; oidc-provider would
 * send a page that submits itself, with a script.
 */
export const prefillUserCode =
  (path: string) =>
  async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    const { user_code: userCode } = ctx.query;
    if (ctx.method === 'GET' && ctx.path === path && typeof userCode === 'string') {
      ctx.state.userCode = userCode.slice(0, 20);
      ctx.query = {};
    }
    await next();
  };
