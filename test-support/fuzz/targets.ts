import type { FuzzTarget } from './fuzz.js';
import { openIdTargets } from './open-id.js';
import { samlLogoutTarget } from './saml-logout.js';
import { samlResponseTarget } from './saml-responses.js';
import { textTarget } from './text.js';

/** Everything that is fuzzed. */
export const fuzzTargets: readonly { readonly name: string; readonly start: () => Promise<FuzzTarget> }[] = [
  ...openIdTargets,
  samlResponseTarget,
  samlLogoutTarget,
  textTarget,
];
