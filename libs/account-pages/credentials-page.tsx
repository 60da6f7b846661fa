import type { ComponentChildren, VNode } from 'preact';
import { Field, FormError } from '#libs/web/form-field.js';
import type { FieldProps } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { CsrfField } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { StepPage } from './account-frame.js';

export interface ChangePageProps {
  readonly title: Message;
  readonly explanation?: Message;
  readonly action: string;
  readonly field: FieldProps;
  /** What is wrong, but not with the field. */
  readonly error?: Message | undefined;
  readonly button: Message;
  readonly csrf: string;
  readonly children?: ComponentChildren;
}

/** One thing of the account to change. */
export const ChangePage = ({
  title,
  explanation,
  action,
  field,
  error,
  button,
  csrf,
  children,
}: ChangePageProps): VNode => {
  const { t } = useLanguage();
  return (
    <StepPage title={t(title)}>
      {explanation && <p>{t(explanation)}</p>}
      <FormError text={error} />
      <form method="post" action={action}>
        <CsrfField token={csrf} />
        <Field {...field} />
        <button class="wide" type="submit">
          {t(button)}
        </button>
      </form>
      {children}
    </StepPage>
  );
};

interface DangerousActionProps {
  readonly action: string;
  readonly button: Message;
  readonly csrf: string;
}

/** A second form of such a page. */
export const DangerousAction = ({ action, button, csrf }: DangerousActionProps): VNode => {
  const { t } = useLanguage();
  return (
    <form method="post" action={action}>
      <CsrfField token={csrf} />
      <button class="wide danger" type="submit">
        {t(button)}
      </button>
    </form>
  );
};
