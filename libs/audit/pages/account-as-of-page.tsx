import type { ComponentChildren, VNode } from 'preact';
import { useLanguage } from '#libs/web/language.js';
import type { NameGiver } from '#libs/users/events.js';
import type { Since } from '../account-as-of.js';
import type { AsOfAnswer, DifferenceAnswer } from '../read-account.js';
import { AuditorFrame, Input } from './auditor-frame.js';
import { localTime, secondOf } from './page-query.js';
import { AUDITOR_TEXTS as texts } from './texts.js';

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }): VNode => (
  <li>
    <span class="grow muted">{name}</span>
    <span class="grow">{children ?? '–'}</span>
  </li>
);

/** A date, or two, of which to show the account. */
const Controls = ({ at, from }: { readonly at: string | undefined; readonly from: string | undefined }): VNode => {
  const { t } = useLanguage();
  return (
    <>
      <form class="card stack" method="get" aria-label={t(texts.asOfControl)}>
        <h2>{t(texts.asOfControl)}</h2>
        <Input name="at" label={t(texts.at)} type="datetime-local" value={at} required />
        <button class="small" type="submit">
          {t(texts.show)}
        </button>
      </form>
      <form class="card stack" method="get" aria-label={t(texts.compareControl)}>
        <h2>{t(texts.compareControl)}</h2>
        <Input name="from" label={t(texts.from)} type="datetime-local" value={from} required />
        <Input name="to" label={t(texts.to)} type="datetime-local" value={at} required />
        <button class="small" type="submit">
          {t(texts.compare)}
        </button>
      </form>
    </>
  );
};

const Account = ({ account }: { readonly account: AsOfAnswer }): VNode => {
  const { t } = useLanguage();
  const { asOf, status, createdAt, profile, username, usernameGivenBy } = account;
  const { emails, links, credentials, roles, sessions = [] } = account;
  const since = (place: Since): string => t(texts.since, { moment: secondOf(place.occurredAt) });
  const giver = (givenBy: NameGiver): string =>
    givenBy.by === 'provider'
      ? t(texts.givenByProvider, { provider: givenBy.providerId })
      : t(givenBy.by === 'administrator' ? texts.givenByAdministrator : texts.givenBySelf);
  if (!asOf) return <p class="notice">{t(texts.notThen)}</p>;
  return (
    <section class="card stack" id="account">
      <h2>{t(texts.asOf, { moment: secondOf(asOf.occurredAt), position: asOf.position })}</h2>
      <ul class="rows">
        <Fact name={t(texts.status)}>{status}</Fact>
        <Fact name={t(texts.created)}>{createdAt && secondOf(createdAt)}</Fact>
        <Fact name={t(texts.displayName)}>{profile.displayName}</Fact>
        <Fact name={t(texts.givenName)}>{profile.givenName}</Fact>
        <Fact name={t(texts.familyName)}>{profile.familyName}</Fact>
        <Fact name={t(texts.username)}>
          {username}
          {usernameGivenBy && ` · ${giver(usernameGivenBy)}`}
        </Fact>
        {emails.map((email) => {
          const asserted =
            email.assertedBy === null ? t(texts.unverified) : t(texts.assertedBy, { provider: email.assertedBy });
          return (
            <Fact name={t(texts.email)} key={email.since.position}>
              {email.address} · {email.verified ? t(texts.verified) : asserted} · {since(email.since)}
            </Fact>
          );
        })}
        {credentials
          .filter(({ kind }) => kind === 'password')
          .map((password) => (
            <Fact name={t(texts.password)} key="password">
              {t(texts.set)} · {since(password.since)}
            </Fact>
          ))}
        {links.map((link) => (
          <Fact name={t(texts.link)} key={link.claimId}>
            {link.providerId} {link.nameAtProvider} · {since(link.since)}
            {link.onHold && ` · ${t(texts.onHold)}`}
            <br />
            <span class="muted">
              {t(texts.provenance, {
                origin: link.provenance.origin,
                proof: link.provenance.proof,
                policy: link.provenance.policyRevision,
              })}
            </span>
          </Fact>
        ))}
        {roles.map(({ role, since: granted }) => (
          <Fact name={t(texts.role)} key={role}>
            {role} · {since(granted)}
          </Fact>
        ))}
        {sessions.map(({ sessionId, method, providerId, since: from, expiresAt }) => (
          <Fact name={t(texts.session)} key={sessionId}>
            {providerId ?? method} · {t(texts.since, { moment: secondOf(from) })} ·{' '}
            {t(texts.until, { moment: secondOf(expiresAt) })}
          </Fact>
        ))}
      </ul>
    </section>
  );
};

const shown = (value: unknown): string => {
  if (value === null) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1);
};

const Differences = ({ difference }: { readonly difference: DifferenceAnswer }): VNode => {
  const { t } = useLanguage();
  const placeOf = (place: Since | null): string =>
    place ? `${secondOf(place.occurredAt)} (pos:${place.position})` : t(texts.beforeTheAccount);
  return (
    <section class="card stack" id="differences">
      <h2>{t(texts.differences)}</h2>
      <p class="muted">{t(texts.between, { from: placeOf(difference.from), to: placeOf(difference.to) })}</p>
      {difference.differences.length === 0 && <p>{t(texts.noDifferences)}</p>}
      <ul class="rows">
        {difference.differences.map(({ part, before, after }) => (
          <li key={part} data-part={part}>
            <span class="grow">
              <span class="visually-hidden">{t(texts.part)} </span>
              <strong class="code">{part}</strong>
            </span>
            <span class="grow">
              <span class="muted">{t(texts.before)}</span>
              <pre class="code mail">{shown(before)}</pre>
            </span>
            <span class="grow">
              <span class="muted">{t(texts.after)}</span>
              <pre class="code mail">{shown(after)}</pre>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
};

export interface AccountAsOfProps {
  readonly userId: string;
  readonly shown: { readonly account: AsOfAnswer } | { readonly difference: DifferenceAnswer };
}

/** A user's account as of a moment, or what is different between two. */
export const AccountAsOfPage = ({ userId, shown: answer }: AccountAsOfProps): VNode => {
  const { t } = useLanguage();
  const [from, to] = 'account' in answer ? [null, answer.account.asOf] : [answer.difference.from, answer.difference.to];
  const value = (place: Since | null): string | undefined => place?.occurredAt && localTime(new Date(place.occurredAt));
  return (
    <AuditorFrame title={t(texts.account)} userId={userId} current="account">
      {'account' in answer ? <Account account={answer.account} /> : <Differences difference={answer.difference} />}
      <Controls at={value(to)} from={value(from)} />
    </AuditorFrame>
  );
};
