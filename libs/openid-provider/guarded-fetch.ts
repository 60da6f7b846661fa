import { exchange } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';

/**
 * How oidc-provider asks addresses that a client supplied (`jwks_uri`, `sector_identifier_uri`,
 * `backchannel_logout_uri`): bounded, without redirects, to allowed addresses only (P13). Its own guard looks at the
 * address after the connection is made, and not at all in older Nodes.
 */
export const guardedFetch =
  (policy: HttpPolicy) =>
  async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    if (input instanceof Request) throw new TypeError('addresses only');
    const { status, body } = await exchange(String(input), policy, {
      method: init.method === 'POST' ? 'POST' : 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      ...(init.body ? { body: bodyText(init.body) } : {}),
    });
    return new Response(NO_BODY.has(status) ? null : body, { status });
  };

/** Responses of these may not have one (Fetch Standard, "null body status"). */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

const bodyText = (body: BodyInit): string => {
  if (typeof body === 'string' || body instanceof URLSearchParams) return String(body);
  throw new TypeError('only text is sent to clients');
};
