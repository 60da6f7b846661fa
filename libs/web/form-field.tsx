import { h } from 'preact';
import type { VNode } from 'preact';

export interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'email' | 'password';
  readonly autocomplete: string;
  /** What the person typed before; never a password. */
  readonly value?: string | undefined;
  readonly hint?: string | undefined;
  /** What is wrong with it. */
  readonly error?: string | undefined;
  readonly required?: boolean;
}

/** A labelled input with what is wrong beside it, tied together for screen readers. */
export const Field = ({ name, label, type = 'text', autocomplete, value, hint, error, required = true }: FieldProps): VNode => {
  const describedBy = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ');
  return (
    <p class="field">
      <label for={name}>{label}</label>
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
          {hint}
        </span>
      )}
      {error && (
        <span class="error-text" id={`${name}-error`}>
          {error}
        </span>
      )}
    </p>
  );
};

/** What is wrong with the form as a whole. */
export const FormError = ({ text }: { readonly text: string | undefined }): VNode | null =>
  text ? (
    <p class="notice error" role="alert">
      {text}
    </p>
  ) : null;
