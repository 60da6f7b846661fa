import type { ComponentChildren, VNode } from 'preact';
import { useLanguage } from '#libs/web/language.js';
import { WidePage } from '#libs/web/layout.js';
import { AUDITOR_TEXTS as texts } from './texts.js';

export interface AuditorFrameProps {
  readonly title: string;
  /** Whose pages these are; none: the organization's. */
  readonly userId?: string | undefined;
  readonly current: 'organization' | 'user' | 'account';
  readonly children: ComponentChildren;
}

/** One of the auditors' pages. */
export const AuditorFrame = ({ title, userId, current, children }: AuditorFrameProps): VNode => {
  const { t } = useLanguage();
  const ofUser =
    userId === undefined
      ? []
      : [
          { href: `/audit/users/${userId}`, label: t(texts.user), current: current === 'user' },
          { href: `/audit/users/${userId}/as-of`, label: t(texts.account), current: current === 'account' },
        ];
  return (
    <WidePage
      title={title}
      tabs={[{ href: '/audit', label: t(texts.organization), current: current === 'organization' }, ...ofUser]}
      aside={
        <a class="button quiet small" href="/account">
          {t(texts.yourAccount)}
        </a>
      }
    >
      <h1>{title}</h1>
      {userId && <p class="code">{userId}</p>}
      <p class="muted">{t(texts.recorded)}</p>
      {children}
    </WidePage>
  );
};

export interface InputProps {
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'datetime-local';
  readonly value?: string | undefined;
  readonly hint?: string | undefined;
  /** What is wrong with it. */
  readonly error?: string | undefined;
  readonly required?: boolean;
  /** Of a list of what can be entered. */
  readonly list?: string;
}

/** A labelled input of a form that asks and changes nothing. */
export const Input = ({
  name,
  label,
  type = 'text',
  value,
  hint,
  error,
  required = false,
  list,
}: InputProps): VNode => {
  const about = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ');
  return (
    <p class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type={type}
        step={type === 'datetime-local' ? 1 : undefined}
        list={list}
        value={value}
        required={required}
        autocomplete="off"
        spellcheck={false}
        aria-describedby={about || undefined}
        aria-invalid={error ? true : undefined}
      />
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
