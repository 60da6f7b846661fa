import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { VNode } from 'preact';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import { slugSchema } from '#libs/platform/slug.js';
import { loadOfferedProviders } from '#libs/sign-in/offered-providers.js';
import type { OfferedWaysIn } from '#libs/sign-in/offered-providers.js';
import { entranceOf, signInPath } from '#libs/sign-in/sign-in-dependencies.js';
import { Public } from '#libs/web/access/access.js';
import { brandAnswer } from '#libs/web/branding.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, Page } from '#libs/web/layout.js';
import { sendPage } from '#libs/web/send-page.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountGuard } from './account-guard.js';
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

/** The doors of an organization's account pages: in (`/o/{slug}`), and out. */
@Controller()
@Public()
export class EntranceController {
  readonly #guard: AccountGuard;

  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {
    this.#guard = new AccountGuard(dependencies);
  }

  /** A session of another organization does not count here (invariant 11): the person signs in. */
  @Get('/o/:organization')
  async enter(@Param('organization') named: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const organization = await this.#organization(named);
    if (!organization) return this.#guard.refuse(response, 'organization_unknown');
    const session = await this.dependencies.sessions.current(request, response);
    response.redirect(
      303,
      session?.organizationId === named ? '/account' : signInPath(undefined, { organizationId: named }),
    );
  }

  @Get(['/signed-out', '/o/:organization/signed-out'])
  async signedOut(@Param('organization') named: string | undefined, @Res() response: Response): Promise<void> {
    const organizationId = named ?? DEFAULT_ORGANIZATION;
    const organization = await this.#organization(organizationId);
    if (!organization) return this.#guard.refuse(response, 'organization_unknown');
    brandAnswer(response, organization.branding);
    // Choosing, not straight through: whoever has one provider would be signed in again at once.
    sendPage(response, <SignedOutPage signInHref={signInPath(undefined, { organizationId, choose: true })} />);
  }

  async #organization(named: string): Promise<OfferedWaysIn | undefined> {
    if (!slugSchema.safeParse(named).success) return undefined;
    const organization = await loadOfferedProviders(this.dependencies.store, named);
    return organization.exists ? organization : undefined;
  }
}
