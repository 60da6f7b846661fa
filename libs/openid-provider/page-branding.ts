import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import { remainingMs, withDeadline } from '#libs/platform/deadline.js';
import { slugSchema } from '#libs/platform/slug.js';
import type { Branding } from '#libs/web/branding.js';
import type { OpenIdProviderOptions } from './open-id-provider-options.js';
import { ownMetadata } from './relying-party-metadata.js';
import type { SessionRows } from './sessions.postgres.js';

/** A page is not kept waiting for its look for longer, in milliseconds. */
const PATIENCE_MS = 1_000;

/** Pages that are about the browser's session, whichever app sent the person there. */
const OF_THE_SESSION: ReadonlySet<string> = new Set(['end_session', 'end_session_confirm']);

/** How the pages of oidc-provider's own look: as the organization's that they are about. */
export class PageBranding {
  constructor(
    private readonly options: Pick<OpenIdProviderOptions, 'brandingOf' | 'logger'>,
    private readonly sessions: SessionRows,
  ) {}

  /** Never throws: what cannot be looked up now, or in time, is left out of the page. */
  async of(ctx: KoaContextWithOIDC): Promise<Branding | undefined> {
    const { brandingOf } = this.options;
    return this.#leniently(async () => {
      const organizationId = await this.#organizationOf(ctx);
      return (organizationId !== undefined && (await brandingOf(organizationId))) || brandingOf(DEFAULT_ORGANIZATION);
    });
  }

  /**
   * The page after a sign-out is the organization's whose session it was, and by then there is no session: the redirect
   * names it. Whoever types another one sees what its `/o/{slug}/signed-out` shows as well.
   */
  async nameInRedirect(ctx: KoaContextWithOIDC): Promise<void> {
    if (ctx.oidc?.route !== 'end_session_confirm') return;
    const location = ctx.response.headers.location;
    if (typeof location !== 'string' || location.split('?')[0] !== ctx.oidc.urlFor('end_session_success')) return;
    const organizationId = await this.#leniently(() => this.#organizationOf(ctx));
    if (organizationId === undefined) return;
    const target = new URL(location);
    target.searchParams.set('organization', organizationId);
    ctx.redirect(target.href);
  }

  async #organizationOf(ctx: KoaContextWithOIDC): Promise<string | undefined> {
    const { oidc } = ctx;
    if (oidc?.route === 'end_session_success')
      return slugSchema.safeParse(ctx.query.organization).data ?? (await ofClient(ctx));
    const ofSession = async () =>
      oidc?.session?.accountId ? this.sessions.organizationOf(oidc.session.uid) : undefined;
    return oidc && OF_THE_SESSION.has(oidc.route)
      ? ((await ofSession()) ?? (await ofClient(ctx)))
      : ((await ofClient(ctx)) ?? (await ofSession()));
  }

  async #leniently<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await withDeadline(Math.min(PATIENCE_MS, remainingMs()), work);
    } catch (error) {
      this.options.logger.warn(
        { error: (error as Error).message },
        'a page is shown without the look of its organization',
      );
      return undefined;
    }
  }
}

/**
 * The one that the request names, where it is the app's: a request that is refused may not have been checked yet. Else
 * the app's own.
 */
const ofClient = async ({ oidc }: KoaContextWithOIDC): Promise<string | undefined> => {
  const code = oidc?.entities.DeviceCode;
  const client: Client | undefined =
    oidc?.client ?? (code?.clientId === undefined ? undefined : await oidc?.provider.Client.find(code.clientId));
  if (!client) return undefined;
  const { organizations } = ownMetadata(client);
  const named = code?.params?.organization ?? oidc?.params?.organization;
  return organizations.find((each) => each === named) ?? organizations[0];
};
