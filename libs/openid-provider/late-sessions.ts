import { Provider } from 'oidc-provider';
import { cookieOptions, sessionCookieName } from './cookies.js';

/** What oidc-provider's Session model has beside what its types tell. */
interface SessionPrototype {
  persist(this: SessionPrototype): Promise<unknown>;
  save(ttl: number): Promise<unknown>;
  readonly exp?: number;
  readonly id: string;
}

/**
 * Where a request of the device flow's pages is refused, oidc-provider shows the form again, with a token that it keeps
 * in the session; but a browser that had none was not given one by then, and the request ends in a TypeError, as 500.
 * Here such a session is stored, and its cookie set, as for the form's first showing.
 * @param ttlS of a session without a person, in seconds
 */
export const storeLateSessions = (provider: Provider, issuer: string, ttlS: number): void => {
  const { prototype } = provider.Session as unknown as { readonly prototype: SessionPrototype };
  const { persist } = prototype;
  prototype.persist = function persistOrStore() {
    if (typeof this.exp === 'number') return persist.call(this);
    const options = { ...cookieOptions(issuer), signed: true };
    Provider.ctx?.oidc.cookies.set(sessionCookieName(issuer), this.id, options);
    return this.save(ttlS);
  };
};
