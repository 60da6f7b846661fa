import { exchange, HttpExchangeError, jsonObject } from '#libs/platform/guarded-http.js';
import type { HttpAnswer, HttpPolicy } from '#libs/platform/guarded-http.js';
import { UpstreamError } from './upstream-error.js';
import type { UpstreamStep } from './upstream-error.js';

/**
 * One request to a provider in a flow, and what it answers.
 * @param read takes the answer apart; throws {@link HttpExchangeError} for what it cannot use
 * @throws {UpstreamError} `provider_unreachable` when there is no usable answer, `<step>_failed` when the provider
 * refuses
 */
export const askProvider = async <T = Record<string, unknown>>(
  policy: HttpPolicy,
  step: UpstreamStep,
  target: string,
  init: Parameters<typeof exchange>[2],
  read: (target: string, answer: HttpAnswer) => T = jsonObject as never,
): Promise<T> => {
  try {
    const answer = await exchange(target, policy, init);
    if (answer.status === 200) return read(target, answer);
    throw new UpstreamError(`${step}_failed`, step, `status ${answer.status}`);
  } catch (error) {
    if (error instanceof HttpExchangeError) throw new UpstreamError('provider_unreachable', step, error.message);
    throw error;
  }
};
