const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]00:00)$/;

/** A SAML time, which is in UTC (SAML core, section 1.3.3); nothing for anything else. */
export const parseInstant = (text: string | undefined): Date | undefined => {
  if (text === undefined || !INSTANT.test(text)) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time;
};

export const formatInstant = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;

/** Now, as far as two clocks agree about it: at most 60 seconds (security row S7). */
export interface Now {
  /** Whether the time has passed on both clocks. */
  isPast(time: Date): boolean;
  /** Whether the time is still to come on both clocks. */
  isAhead(time: Date): boolean;
}

/** @param skewS by how much the provider's clock may differ from ours, in seconds */
export const nowWithin = (now: Date, skewS: number): Now => ({
  isPast: (time) => time.getTime() + skewS * 1_000 <= now.getTime(),
  isAhead: (time) => time.getTime() - skewS * 1_000 > now.getTime(),
});
