import passportOpenIdConnect from 'passport-openidconnect';

/*
 * The one place that touches passport-openidconnect 0.1.2. The library sends no PKCE, checks no signature and no type,
 * and dies of four inputs that a provider controls (security.md, "Upstream OpenID Connect"). So it never talks to the
 * network or sees an unverified byte: the code exchange is replaced by ours, which hands it a token response that jose
 * has verified; its state store is our one-shot row; and it runs behind a promise. `passport-strategy.unit.spec.ts`
 * fails when the library no longer needs this.
 */

/** What surrounds the library in one flow. */
export interface StrategySurroundings {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly callbackUrl: string;
  readonly scopes: readonly string[];
  /** Added to the authorization request: nonce, PKCE challenge, prompt, max_age. */
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** The state that names the one-shot row. */
  readonly state: string;
  readonly nonce: string;
  /** Exchanges the code and verifies the answer; the library gets nothing else. */
  readonly exchangeCode: (code: string) => Promise<{ readonly idToken: string }>;
}

class HardenedStrategy extends passportOpenIdConnect.Strategy {
  exchangeError: Error | undefined;

  constructor(private readonly surroundings: StrategySurroundings) {
    const { issuer, authorizationEndpoint, tokenEndpoint, clientId, callbackUrl, scopes, state, nonce } = surroundings;
    super(
      {
        issuer,
        authorizationURL: authorizationEndpoint,
        tokenURL: tokenEndpoint,
        clientID: clientId,
        clientSecret: '',
        callbackURL: callbackUrl,
        // The library adds "openid" itself.
        scope: scopes.filter((scope) => scope !== 'openid'),
        skipUserProfile: true,
        store: {
          store: (_request, _context, _state, _meta, done) => done(null, state),
          verify: (_request, handle, done) => done(null, handle === state ? { nonce } : false),
        },
      },
      (_issuer, { id }, done) => done(null, { subject: id }),
    );
    this._oauth2.getOAuthAccessToken = (code, _parameters, done) => {
      surroundings.exchangeCode(code).then(
        ({ idToken }) => done(null, 'unused', undefined, { id_token: idToken }),
        (error: Error) => {
          // The library wraps what it is given; whoever refused wants to be heard in their own words.
          this.exchangeError = error;
          done(error);
        },
      );
    };
  }

  protected override authorizationParams(): Record<string, string> {
    return { ...this.surroundings.authorizationParameters };
  }
}

export type StrategyOutcome =
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'success'; readonly subject: string }
  | { readonly kind: 'fail'; readonly reason: string };

/** Runs the strategy once. @throws what `exchangeCode` threw, or what the library reports as an error */
export const runStrategy = (
  surroundings: StrategySurroundings,
  query: Readonly<Record<string, string>>,
): Promise<StrategyOutcome> =>
  new Promise((done, fail) => {
    // Passport hangs these on a strategy when it drives one; here a promise does.
    const strategy: HardenedStrategy = Object.assign(new HardenedStrategy(surroundings), {
      success: ({ subject }: { subject: string }) => done({ kind: 'success', subject }),
      fail: (challenge?: { message?: string }) =>
        done({ kind: 'fail', reason: challenge?.message ?? 'refused by the library' }),
      redirect: (location: string) => done({ kind: 'redirect', location }),
      error: (error: Error) => fail(strategy.exchangeError ?? error),
      pass: () => done({ kind: 'fail', reason: 'the library did not handle the request' }),
    });
    try {
      void strategy.authenticate({ query } as never);
    } catch (error) {
      fail(error as Error);
    }
  });
