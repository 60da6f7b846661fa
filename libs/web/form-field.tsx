import { h } from 'preact';
import type { VNode } from 'preact';
import { useLanguage } from './language.js';
import type { Message } from './messages.js';

export interface FieldProps {
  readonly name: string;
  readonly label: Message;
  readonly type?: 'text' | 'email' | 'password';
  readonly autocomplete: string;
  /** What the person typed before; never a password. */
  readonly value?: string | undefined;
  readonly hint?: Message | undefined;
  /** What is wrong with it. */
  readonly error?: Message | undefined;
  readonly required?: boolean;
}

/** A labelled input with what is wrong beside it, tied together for screen readers. */
export const Field = ({
  name,
  label,
  type = 'text',
  autocomplete,
  value,
  hint,
  error,
  required = true,
}: FieldProps): VNode => {
  const { t } = useLanguage();
  const describedBy = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ');
  return (
    <p class="field">
      <label for={name}>{t(label)}</label>
      {h('input', {
        id: name,
        name,
        type,
        autocomplete,
        autocapitalize: 'none',
        spellcheck: false,
        required,
        value: type === 'password' ? undefined : value,
        'aria-describedby': describedBy || undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {hint && (
        <span class="muted" id={`${name}-hint`}>
          {t(hint)}
        </span>
      )}
      {error && (
        <span class="error-text" id={`${name}-error`}>
          {t(error)}
        </span>
      )}
    </p>
  );
};

/** What is wrong with the form as a whole. */
export const FormError = ({ text }: { readonly text: Message | undefined }): VNode | null => {
  const { t } = useLanguage();
  return text ? (
    <p class="notice error" role="alert">
      {t(text)}
    </p>
  ) : null;
};
