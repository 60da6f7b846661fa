/** Where account pages and apps of several organizations go when none is named. */
export const DEFAULT_ORGANIZATION = 'default';
