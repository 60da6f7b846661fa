import type { InteractionResults, Provider } from 'oidc-provider';

/*
 * The one place that deals with sign-ins of which nobody knows when the person authenticated. oidc-provider 9 takes a
 * login without a time for one of just now (lib/models/session.js, `loginAccount`), and knows no other: so the time is
 * `null`, which its `past` takes for never fresh, and its session does not tell `null` to codes and ID tokens.
 * `auth-time.unit.spec.ts` fails when oidc-provider no longer needs this.
 */

type LoginResult = NonNullable<InteractionResults['login']>;

/** @param login.authTime in seconds since the epoch; none: nobody knows */
export const loginResult = ({
  authTime,
  ...login
}: {
  readonly accountId: string;
  readonly authTime?: number;
  readonly acr?: string;
  readonly amr: string[];
}): LoginResult => ({
  ...login,
  ts: (authTime ?? null) as number,
  remember: true,
});

/** `auth_time` is left out of ID tokens where it is not known, also of those that are refreshed. */
export const tellOnlyKnownAuthTimes = (provider: Provider): void => {
  provider.Session.prototype.authTime = function authTime(this: { readonly loginTs?: number | null }) {
    return this.loginTs ?? undefined;
  };
};
