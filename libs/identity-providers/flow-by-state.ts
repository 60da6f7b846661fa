import type { Flow, Flows } from './flows.postgres.js';
import { issuerOf } from './settings.js';
import type { IdentityProviderSettings } from './settings.js';
import { UpstreamError } from './upstream-error.js';
import type { CompleteRequest } from './upstream-protocol.js';

/**
 * The flow that the `state` of a response names: unused, unexpired, of this provider and this browser; of error
 * responses too (security rows O4, L22).
 * @throws {UpstreamError}
 */
export const flowByState = async <Kept>(
  flows: Flows<Kept>,
  { settings, parameters: { state }, browserId }: CompleteRequest<IdentityProviderSettings>,
): Promise<Flow<Kept>> => {
  if (typeof state !== 'string' || state.length > 500)
    throw new UpstreamError('state_missing', 'authorization_response', 'no state');
  const consumed = await flows.consume(state, browserId);
  if (consumed.kind === 'refused')
    throw new UpstreamError(
      consumed.code,
      'authorization_response',
      'the state names no flow of this browser that is open',
    );
  if (consumed.flow.providerId !== settings.id || consumed.flow.issuer !== issuerOf(settings)) {
    throw new UpstreamError('state_mismatch', 'authorization_response', 'the flow belongs to another provider');
  }
  return consumed.flow;
};
