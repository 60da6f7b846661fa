import type { VNode } from 'preact';
import { FormError } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, CsrfField, Page } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { AccountFields } from './registration-page.js';
import type { AccountFieldsProps } from './registration-page.js';
import { WaysIn } from './sign-in-page.js';
import type { WaysInProps } from './sign-in-page.js';
import { SIGN_IN_TEXTS as texts } from '../texts.js';

export interface PendingLinkPageProps {
  readonly providerName: string;
  /** What the person is called there. */
  readonly nameAtProvider: string | undefined;
  /** Creating an account; none where that is not allowed. */
  readonly create: (AccountFieldsProps & { readonly action: string }) | undefined;
  /** Signing in to an account of one's own, to link; none where that is not allowed. */
  readonly link: WaysInProps | undefined;
  readonly declineAction: string;
  readonly csrf: string;
  readonly error?: Message | undefined;
}

/**
 * An identity that nobody owns: create an account, or sign in to one and link. The page is the same whether or not an
 * account was found that it might belong to (L25).
 */
export const PendingLinkPage = (props: PendingLinkPageProps): VNode => {
  const { providerName, nameAtProvider, create, link, declineAction, csrf, error } = props;
  const { t } = useLanguage();
  return (
    <Page title={t(texts.oneMoreStep)}>
      <Card>
        <h1>{t(texts.oneMoreStep)}</h1>
        <p>
          {nameAtProvider
            ? t(texts.signedInAtAs, { provider: providerName, name: nameAtProvider })
            : t(texts.signedInAt, { provider: providerName })}
        </p>
        <FormError text={error} />
      </Card>
      {link && (
        <Card labelledBy="link">
          <h2 id="link">{t(texts.iHaveAnAccount)}</h2>
          <p class="muted">{t(texts.linkExplanation, { provider: providerName })}</p>
          <WaysIn {...link} />
        </Card>
      )}
      {create && (
        <Card labelledBy="create">
          <h2 id="create">{t(texts.iAmNewHere)}</h2>
          <form method="post" action={create.action}>
            <CsrfField token={csrf} />
            <AccountFields {...create} />
            <button class="wide" type="submit">
              {t(texts.createAccount)}
            </button>
          </form>
        </Card>
      )}
      <form method="post" action={declineAction}>
        <CsrfField token={csrf} />
        <button class="as-link" type="submit">
          {t(texts.doSomethingElse)}
        </button>
      </form>
    </Page>
  );
};
