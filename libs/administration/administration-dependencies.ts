import type { RemovalDependencies } from '#libs/identity-providers/commands/remove-identity-provider.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';

/** What the administration API needs from outside. Injected under this token. */
export const ADMINISTRATION_DEPENDENCIES = Symbol('AdministrationDependencies');

export interface AdministrationDependencies extends RemovalDependencies {
  /** Which addresses of identity providers may be asked. */
  readonly policy: HttpPolicy;
  /** Which read models may still show an erased person; waits for them, within bounds, where it is told to. */
  readonly readModelsShowing: (position: bigint, wait: 'within_bounds' | 'not') => Promise<readonly string[]>;
}
