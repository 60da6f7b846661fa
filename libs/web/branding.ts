import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Response } from 'express';

/** How an organization's pages look. */
export interface Branding {
  readonly organizationName: string;
  readonly logoUrl?: string | undefined;
  /** `#rrggbb`; what contrast asks for is derived from it (theme.ts). */
  readonly accentColor?: string | undefined;
  /** `#rrggbb`, behind the cards. */
  readonly backgroundColor?: string | undefined;
}

export const BrandingContext = createContext<Branding | undefined>(undefined);

/** The organization of the page that is being rendered; none where a page belongs to none. */
export const useBranding = (): Branding | undefined => useContext(BrandingContext);

/** From now on this answer, an error page included, is one of this organization; nothing: of none. */
export const brandAnswer = (response: Response, branding: Branding | undefined): void => {
  response.locals.branding = branding;
};

export const brandingOfAnswer = (response: Response): Branding | undefined =>
  response.locals.branding as Branding | undefined;
