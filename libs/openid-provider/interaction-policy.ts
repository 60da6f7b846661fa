import { errors, interactionPolicy } from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { isAuthTimeEssential } from './asked-authentication.js';
import { ownMetadata } from './relying-party-metadata.js';
import type { SessionRows } from './sessions.postgres.js';

const { base, Check } = interactionPolicy;

/**
 * The organization that a request is about (domain.md, "Organizations"); the parameter was checked when the request
 * came.
 */
export const organizationOf = ({ oidc }: KoaContextWithOIDC): string | undefined => {
  const { organization } = oidc.params ?? {};
  return typeof organization === 'string' ? organization : oidc.client && ownMetadata(oidc.client).organizations[0];
};

/**
 * When a person is asked to sign in: oidc-provider's own reasons (no session, `prompt`, `max_age`, `id_token_hint`),
 * and some of ours. A session never satisfies a request for another organization (L28, invariant 11), nor does one
 * whose user may no longer sign in.
 */
export const interactionPolicyOf = (sessions: SessionRows) => {
  const policy = base();
  const login = policy.get('login');
  if (!login) throw new Error('oidc-provider has no login prompt');
  login.checks.add(
    new Check('other_organization', 'the session is not one of this organization', 'login_required', async (ctx) =>
      ctx.oidc.session?.accountId &&
      ctx.oidc.client &&
      !(await sessions.admits(ctx.oidc.session.uid, organizationOf(ctx)))
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT,
    ),
  );
  login.checks.add(
    new Check('account_unavailable', 'the account may not sign in', 'login_required', ({ oidc }) =>
      oidc.session?.accountId && !oidc.account ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT,
    ),
  );
  // OpenID Connect Core 2: `auth_time` is required where it is asked for as an essential claim. oidc-provider knows of
  // sessions only that have one. What became of a sign-in for the request is decided where it ends.
  login.checks.add(
    new Check('auth_time_unknown', 'when the person authenticated is not known', 'login_required', ({ oidc }) =>
      oidc.session?.accountId &&
      oidc.session.authTime() === undefined &&
      !oidc.result?.login &&
      isAuthTimeEssential(oidc.params?.claims, oidc.client?.requireAuthTime)
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT,
    ),
  );
  // An `acr` that a person's methods do not reach is refused after one try (OpenID Connect Core 5.5.1.1); oidc-provider
  // would ask for ever.
  for (const reason of ['essential_acr', 'essential_acrs']) {
    const check = login.checks.get(reason);
    if (!check) throw new Error(`oidc-provider has no check ${reason}`);
    const asks = check.check.bind(check);
    check.check = async (ctx) => {
      const asked = await asks(ctx);
      if (asked && ctx.oidc.result?.login)
        throw new errors.UnmetAuthenticationRequirements('the requested acr was not reached');
      return asked;
    };
  }
  return policy;
};
