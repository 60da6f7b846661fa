import { entityIdOf } from './addresses.js';
import type { StrategySurroundings } from './passport-strategy.js';
import { nameIdFormats } from './settings.js';
import type { SamlProviderSettings } from './settings.js';

/** What surrounds the library at one provider; what belongs to one flow is added to it. */
export const surroundingsOf = (
  settings: SamlProviderSettings,
  assertionConsumerService: string,
  certificates: readonly string[],
): StrategySurroundings => ({
  entityId: entityIdOf(assertionConsumerService),
  assertionConsumerService,
  singleSignOnService: settings.singleSignOnServices[0]?.url ?? '',
  certificates,
  signed: settings.signaturePolicy,
  nameIdFormat: nameIdFormats[settings.nameIdFormat],
  clockSkewS: settings.clockSkewS,
  signingKey: settings.signRequests ? settings.requestSigningKey : undefined,
  requestId: undefined,
  forceAuthn: false,
  authnContexts: [],
});
