import { errors } from 'oidc-provider';
import type { Provider } from 'oidc-provider';
import { unfitPath } from '#libs/platform/text.js';

/** What is in a parameter: the values of the JSON that it is, or the text itself. */
const valueOf = (name: string, value: unknown): unknown => {
  if (name !== 'claims' || typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    // oidc-provider says what is wrong with it.
    return value;
  }
};

/**
 * Every parameter of every request keeps the rule for text (security row T1): all of them pass through this one
 * property of oidc-provider's context (lib/shared/assemble_params.js), which offers no other place.
 */
export const refuseUnfitParameters = (provider: Provider): void => {
  const held = new WeakMap<object, unknown>();
  Object.defineProperty(contextPrototypeOf(provider), 'params', {
    configurable: true,
    get(this: object) {
      return held.get(this);
    },
    set(this: object, params: Readonly<Record<string, unknown>> | undefined) {
      // Assigned first: the answer goes to the redirect URI that is among them, where that is the client's.
      held.set(this, params);
      for (const [name, value] of Object.entries(params ?? {}))
        if (unfitPath(valueOf(name, value)) !== undefined)
          throw new errors.InvalidRequest(`${name} contains characters that cannot be used`);
    },
  });
};

/** Public, and not in the types. */
const contextPrototypeOf = (provider: Provider): object =>
  (provider as unknown as { readonly OIDCContext: { readonly prototype: object } }).OIDCContext.prototype;
