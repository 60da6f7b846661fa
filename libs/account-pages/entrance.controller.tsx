import { Controller, Get, Inject, Param } from '@nestjs/common';
import type { VNode } from 'preact';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import { slugSchema } from '#libs/platform/slug.js';
import { loadOfferedProviders } from '#libs/sign-in/offered-providers.js';
import type { OfferedWaysIn } from '#libs/sign-in/offered-providers.js';
import { entranceOf, signInPath } from '#libs/sign-in/sign-in-dependencies.js';
import { Public } from '#libs/web/access/access.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { CurrentBrowser } from '#libs/web/browser.js';
import type { Browser } from '#libs/web/browser.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, Page } from '#libs/web/layout.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { refusedChange } from './refusals.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

/** Where a person is who has signed out of the account pages of an organization. */
export const signedOutPath = (organizationId: string): string => `${entranceOf(organizationId)}/signed-out`;

const SignedOutPage = ({ signInHref }: { readonly signInHref: string }): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.signedOut)}>
      <Card>
        <h1>{t(texts.signedOut)}</h1>
        <p>{t(texts.signedOutExplanation)}</p>
        <p>
          <a class="button wide" href={signInHref}>
            {t(texts.signInAgain)}
          </a>
        </p>
      </Card>
    </Page>
  );
};

/** Where an organization's account pages are entered (`/o/{slug}`), and where a user is who has left them. */
@Controller()
@Public()
export class EntranceController {
  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {}

  /** A session of another organization does not count here (invariant 11): the user signs in. */
  @Get('/o/:organization')
  async enter(@Param('organization') named: string, @CurrentBrowser() browser: Browser): Promise<RedirectAnswer> {
    await this.#organization(named);
    const session = await this.dependencies.sessions.current(browser.request, browser.response);
    return redirect(session?.organizationId === named ? '/account' : signInPath(undefined, { organizationId: named }));
  }

  @Get(['/signed-out', '/o/:organization/signed-out'])
  async signedOut(
    @Param('organization') named: string | undefined,
    @CurrentBrowser() browser: Browser,
  ): Promise<PageAnswer> {
    const organizationId = named ?? DEFAULT_ORGANIZATION;
    browser.brand((await this.#organization(organizationId)).branding);
    // Choosing, not straight through: a user with one provider would be signed in again at once.
    const signInHref = signInPath(undefined, { organizationId, choose: true });
    return page(<SignedOutPage signInHref={signInHref} />);
  }

  async #organization(named: string): Promise<OfferedWaysIn> {
    if (!slugSchema.safeParse(named).success) throw refusedChange('organization_unknown');
    const organization = await loadOfferedProviders(this.dependencies.store, named);
    if (!organization.exists) throw refusedChange('organization_unknown');
    return organization;
  }
}
