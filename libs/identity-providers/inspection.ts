import type { Finding, Inspection } from './inspection-steps.js';
import { checkSettings } from './mistakes.js';
import { inspectOAuth2 } from './oauth2/inspect.js';
import { inspectOidc } from './oidc/inspect.js';
import { inspectSaml } from './saml/inspect.js';
import type { IdentityProviderSettings } from './settings.js';

/**
 * Looks a provider over, as far as that goes without a person who signs in: what it publishes, its keys, its clock,
 * what it knows of us.
 */
export const inspectProvider = async (
  settings: IdentityProviderSettings,
  inspection: Inspection,
): Promise<readonly Finding[]> => {
  const { mistakes } = await checkSettings(settings, inspection.policy, inspection.now);
  if (mistakes.length > 0) {
    return mistakes.map(({ path, message }) => ({
      check: 'settings',
      state: 'failed',
      detail: `${path.join('.')} ${message}`,
      fix: 'Correct the settings and apply them again.',
    }));
  }
  const settingsAreWell: Finding = { check: 'settings', state: 'ok', detail: 'nothing is wrong with them' };
  switch (settings.kind) {
    case 'oidc':
      return [settingsAreWell, ...(await inspectOidc(settings, inspection))];
    case 'oauth2':
      return [settingsAreWell, ...(await inspectOAuth2(settings, inspection))];
    case 'saml':
      return [settingsAreWell, ...(await inspectSaml(settings, inspection))];
  }
};
