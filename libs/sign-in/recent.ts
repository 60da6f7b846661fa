/** How long a re-authentication counts as recent (domain.md): 10 minutes. */
export const RECENT_MS = 600_000;
