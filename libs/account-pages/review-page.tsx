import type { VNode } from 'preact';
import { FormError } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, CsrfField, Page } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

export type ReviewAnswer = 'keep' | 'remove';

export interface ReviewedMethod {
  readonly claimId: string;
  readonly providerName: string;
  readonly nameAtProvider: string | undefined;
  readonly linkedAt: Date;
  readonly address: string | undefined;
  readonly browser: string | undefined;
  readonly system: string | undefined;
  /** What the person chose before the page came back. */
  readonly answer: ReviewAnswer | undefined;
}

export interface ReviewPageProps {
  readonly methods: readonly ReviewedMethod[];
  readonly action: string;
  readonly csrf: string;
  readonly error?: Message | undefined;
}

/** The name of the field that holds the answer for a sign-in method. */
export const answerField = (claimId: string): string => `answer-${claimId}`;

const CHOICES = [
  ['keep', texts.keepIt],
  ['remove', texts.removeIt],
] as const;

const Method = ({ claimId, providerName, nameAtProvider, answer, ...since }: ReviewedMethod): VNode => {
  const { t, moment } = useLanguage();
  const { linkedAt, address, browser, system } = since;
  const device = browser && system ? t(texts.browserOnSystem, { browser, system }) : (browser ?? system);
  return (
    <fieldset class="choice">
      <legend>
        {providerName} {nameAtProvider}
      </legend>
      <p class="muted">
        {[
          t(texts.linkedSince, { moment: moment(linkedAt) }),
          ...(address ? [t(texts.fromAddress, { address })] : []),
          device ?? t(texts.unknownDevice),
        ].join(' · ')}
      </p>
      {CHOICES.map(([value, label]) => (
        <label key={value}>
          <input type="radio" name={answerField(claimId)} value={value} checked={answer === value} required />{' '}
          {t(label)}
        </label>
      ))}
    </fieldset>
  );
};

/** After a recovery: the sign-in methods that were added before it, each to be kept or removed. */
export const ReviewPage = ({ methods, action, csrf, error }: ReviewPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.reviewTitle)}>
      <Card>
        <h1>{t(texts.reviewTitle)}</h1>
        <p>{t(texts.reviewExplanation)}</p>
        <FormError text={error} />
        <form class="stack" method="post" action={action}>
          <CsrfField token={csrf} />
          {methods.map((method) => (
            <Method key={method.claimId} {...method} />
          ))}
          <button class="wide" type="submit">
            {t(texts.saveReview)}
          </button>
        </form>
        <p class="foot">
          <a href="/account/history">{t(texts.reviewHistory)}</a>
          <a href="/account/sessions">{t(texts.sessions)}</a>
        </p>
      </Card>
    </Page>
  );
};
