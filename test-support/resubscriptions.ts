import type { Logger } from '#libs/platform/logger.js';

/** A logger that keeps why a subscription was begun again, and nothing else. */
export const resubscriptionsInto = (reasons: string[]): Logger => {
  const ignore = (): void => undefined;
  const info = ({ reason }: { readonly reason?: string }, message: string): void => {
    if (message === 'resubscribing') reasons.push(reason ?? '');
  };
  return { info, debug: ignore, warn: ignore, error: ignore } as unknown as Logger;
};
