/** The part of passport-openidconnect 0.1.2 that Ligature uses; the package has no types of its own. */
declare module 'passport-openidconnect' {
  import type { Strategy as PassportStrategy } from 'passport';

  type Callback<Args extends unknown[]> = (error: Error | null, ...args: Args) => void;

  export interface StateStore {
    store(request: object, context: object, state: unknown, meta: object, done: Callback<[handle?: string]>): void;
    verify(
      request: object,
      handle: string,
      done: Callback<[context?: { nonce: string } | false, state?: unknown]>,
    ): void;
  }

  export interface StrategyOptions {
    issuer: string;
    authorizationURL: string;
    tokenURL: string;
    clientID: string;
    clientSecret: string;
    callbackURL: string;
    scope: string[];
    store: StateStore;
    skipUserProfile: true;
  }

  export class Strategy extends PassportStrategy {
    constructor(
      options: StrategyOptions,
      verify: (issuer: string, profile: { id: string }, done: (error: Error | null, user?: object) => void) => void,
    );
    protected _oauth2: {
      getOAuthAccessToken(
        code: string,
        parameters: Record<string, string>,
        done: (
          error: Error | null,
          accessToken?: string,
          refreshToken?: string,
          results?: { id_token: string },
        ) => void,
      ): void;
    };
    protected authorizationParams(options: object): Record<string, string>;
  }
  const _default: { Strategy: typeof Strategy };
  export default _default;
}
