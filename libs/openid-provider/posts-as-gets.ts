import type { KoaContextWithOIDC } from 'oidc-provider';

/** What fits into a request line beside the headers, in bytes. */
const MOST_BYTES = 8_000;

/**
 * Requests that apps may send by POST as well (OpenID Connect Core 3.1.2.1, RP-Initiated Logout 2) are answered with a
 * redirect to the same by GET. A form on another site brings no `SameSite=Lax` cookie: taken as it is, the person's
 * session would be unknown, and then replaced.
 */
export const postsAsGets =
  (paths: readonly string[]) =>
  async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    if (ctx.method !== 'POST' || !paths.includes(ctx.path)) return next();
    const body = ctx.is('application/x-www-form-urlencoded') ? await bodyOf(ctx) : undefined;
    if (body === undefined) {
      ctx.status = 400;
      ctx.body = { error: 'invalid_request', error_description: `a form of at most ${MOST_BYTES} bytes is needed` };
      return;
    }
    ctx.status = 303;
    ctx.redirect(`${ctx.path}?${new URLSearchParams(body).toString()}`);
  };

const bodyOf = async ({ req }: KoaContextWithOIDC): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};
