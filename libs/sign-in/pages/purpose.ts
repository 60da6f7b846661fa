import type { Request, Response } from 'express';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import { slugSchema } from '#libs/platform/slug.js';
import { brandAnswer } from '#libs/web/branding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { preferUiLocales } from '#libs/web/locale.js';
import { mayMeet } from '../asked-authentication.js';
import type { SignInInteraction } from '../interactions.js';
import { loadOfferedProviders } from '../offered-providers.js';
import type { OfferedWaysIn } from '../offered-providers.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { signInRefusal } from '../refusals.js';

/**
 * Whom a page before the sign-in is for, a relying party that waits or an organization's account pages; and what is
 * offered there now.
 */
export interface Purpose extends OfferedWaysIn {
  /** What offered providers are called that cannot be what the app asked of the authentication (L33). */
  readonly cannotProve: readonly string[];
  readonly organizationId: string;
  readonly interaction: SignInInteraction | undefined;
}

/**
 * An organization's account pages, or an error page when there is no such organization.
 * @param named by the URL; none: the default one
 */
export const accountPurpose = async (
  { store, newId }: SignInDependencies,
  named: unknown,
  response: Response,
): Promise<Purpose | undefined> => {
  const slug = slugSchema.safeParse(named ?? DEFAULT_ORGANIZATION);
  const offered = slug.success ? await loadOfferedProviders(store, slug.data) : undefined;
  if (slug.success && offered && (offered.exists || named === undefined)) {
    brandAnswer(response, offered.branding);
    return { ...offered, cannotProve: [], organizationId: slug.data, interaction: undefined };
  }
  sendErrorPage(response, signInRefusal('organization_unknown', newId()));
  return undefined;
};

/** The interaction that this browser is in, or an error page when it is not the one that the URL names. */
export const interactionPurpose = async (
  { interactions, store, newId }: SignInDependencies,
  uid: string,
  request: Request,
  response: Response,
): Promise<Purpose | undefined> => {
  const interaction = await interactions.findInteraction(request, response);
  preferUiLocales(response, interaction?.uiLocales);
  if (interaction?.uid !== uid) {
    sendErrorPage(response, signInRefusal('sign_in_expired', newId()));
    return undefined;
  }
  const { organizationId } = interaction;
  const offered = await loadOfferedProviders(store, organizationId);
  brandAnswer(response, offered.branding);
  const { asked } = interaction;
  return {
    ...offered,
    providers: offered.providers.filter((provider) => mayMeet(asked, provider)),
    cannotProve: offered.providers
      .filter((provider) => !mayMeet(asked, provider))
      .map(({ settings }) => settings.displayName),
    organizationId,
    interaction,
  };
};
