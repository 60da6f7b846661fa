import type { FuzzTarget } from './fuzz.js';
import { openIdTargets } from './open-id.js';

/** Everything that is fuzzed. */
export const fuzzTargets: readonly { readonly name: string; readonly start: () => Promise<FuzzTarget> }[] = [...openIdTargets];
