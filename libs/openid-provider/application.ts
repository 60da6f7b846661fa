import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { tellOnlyKnownAuthTimes } from './auth-time.js';
import { postsAsGets } from './posts-as-gets.js';
import { prefillUserCode } from './device-flow.js';
import { storeLateSessions } from './late-sessions.js';
import { ANONYMOUS_SESSION_TTL_S, ROUTES } from './provider-configuration.js';
import type { ProviderParts } from './provider-configuration.js';
import { atomicReplayDetection } from './replay-detection.postgres.js';
import { RESPONSE_MODES } from './relying-party-metadata.js';
import { refuseUnfitParameters } from './text-parameters.js';
import { TokenExchange } from './token-exchange.js';

/**
 * What oidc-provider renders itself: the pages that submit themselves, whose one script it adds by its hash
 * (security.md, "Server").
 */
const PROTOCOL_PAGE_HEADERS = {
  'content-security-policy': `default-src 'none'; script-src; frame-ancestors 'none'; base-uri 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/**
 * What stands around oidc-provider's own routes.
 * @param isPublished the keys of the JWKS; it has others, to recognize old ID tokens
 */
export const configureApplication = (
  provider: Provider,
  { options, grants, limits, branding }: ProviderParts,
  isPublished: ReadonlySet<string>,
): void => {
  const { pool, clock, logger, newId, onTokensIssued, onTokenAnswer } = options;
  // pinToIssuer() has put the issuer's own host and scheme, and the address that is believed, where oidc-provider looks
  // for a proxy's.
  provider.proxy = true;
  atomicReplayDetection(provider, pool);
  refuseUnfitParameters(provider);
  storeLateSessions(provider, options.issuer, ANONYMOUS_SESSION_TTL_S);
  tellOnlyKnownAuthTimes(provider);
  provider.on('server_error', (ctx: KoaContextWithOIDC, error: Error) => {
    logger.error({ error: error.message, stack: error.stack, route: ctx.oidc?.route }, 'the OpenID Provider failed');
  });
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
    ctx.set(PROTOCOL_PAGE_HEADERS);
    await next();
    nameFormTarget(ctx);
    await branding.nameInRedirect(ctx);
    if (ctx.oidc?.route === 'token')
      onTokenAnswer?.(String(ctx.oidc.params?.grant_type), ctx.status === 200 ? 'issued' : 'refused');
    // Its own configuration can add to the document, not change it.
    if (ctx.oidc?.route === 'discovery')
      Object.assign(ctx.body as object, { response_modes_supported: RESPONSE_MODES });
    if (ctx.oidc?.route === 'jwks') {
      const { keys } = ctx.body as { keys: { kid: string }[] };
      ctx.body = { keys: keys.filter(({ kid }) => isPublished.has(kid)) };
      ctx.set('cache-control', 'public, max-age=300');
    }
  });
  provider.use(postsAsGets([ROUTES.authorization, ROUTES.end_session]));
  provider.use(limits.middleware);
  provider.use(prefillUserCode(ROUTES.code_verification));
  provider.use(TokenExchange.middleware({ pool, clock, grants, newId, onTokensIssued, logger, path: ROUTES.token }));
};

/**
 * A page that submits itself may do so to the one address that is in it (`form-action` has no default to fall back to).
 */
const nameFormTarget = (ctx: KoaContextWithOIDC): void => {
  const policy = String(ctx.response.get('content-security-policy'));
  if (typeof ctx.body !== 'string' || !policy.includes(`script-src 'sha256-`)) return;
  const action = /<form method="post" action="([^"]*)"/.exec(ctx.body)?.[1];
  const target = action === undefined ? `'none'` : new URL(action.replaceAll('&amp;', '&')).origin;
  ctx.set('content-security-policy', `${policy}; form-action ${target}`);
};
