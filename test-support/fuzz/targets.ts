import { costTarget } from './cost.js';
import type { FuzzTarget } from './fuzz.js';
import { openIdTargets } from './open-id.js';
import { samlLogoutTarget } from './saml-logout.js';
import { samlResponseTarget } from './saml-responses.js';
import { textTarget } from './text.js';

/** What reads the answers of identity providers. */
export const fuzzTargets: readonly { readonly name: string; readonly start: () => Promise<FuzzTarget> }[] = [
  ...openIdTargets,
  samlResponseTarget,
  samlLogoutTarget,
];

/** Whole servers. */
export const serverFuzzTargets: typeof fuzzTargets = [textTarget, costTarget];
