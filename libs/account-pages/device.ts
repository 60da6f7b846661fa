import Bowser from 'bowser';

/** What a person may recognize a device by. */
export interface Device {
  readonly browser: string | undefined;
  readonly system: string | undefined;
}

/** @param userAgent as the browser told it: a hint to the person whose session it is, and nothing to decide by */
export const deviceOf = (userAgent: string | undefined): Device => {
  if (!userAgent) return { browser: undefined, system: undefined };
  const { browser, os } = Bowser.parse(userAgent);
  return { browser: browser.name || undefined, system: os.name || undefined };
};
