import type { NameGiver } from '#libs/users/events.js';
import type { Since } from '#libs/audit/account-as-of.js';
import type { HistoryEntry } from '#libs/audit/entry.js';
import type { AsOfAnswer, DifferenceAnswer } from '#libs/audit/read-account.js';
import { onOneLine } from '#libs/platform/one-line.js';

export const lineOfEntry = ({ position, occurredAt, sentence, source, clientId }: HistoryEntry): string =>
  onOneLine(
    [
      position.padStart(8),
      occurredAt,
      sentence,
      source && `from ${typeof source === 'string' ? `(${source})` : (source.address ?? 'somewhere')}`,
      clientId && `for ${clientId}`,
    ]
      .filter(Boolean)
      .join('  '),
  );

const WIDTH = 16;
const line = (name: string, value: string | null | undefined): string =>
  onOneLine(`${name.padEnd(WIDTH)} ${value ?? '–'}`);
const placeOf = (place: Since | null): string =>
  place ? `${place.occurredAt} (pos:${place.position})` : 'before the account existed';
const giver = (givenBy: NameGiver): string =>
  givenBy.by === 'provider' ? `the provider ${givenBy.providerId}` : GIVERS[givenBy.by];
const GIVERS = { administrator: 'an administrator', self: 'the person themselves' } as const;
const since = ({ occurredAt }: Since): string => `since ${occurredAt}`;

export const linesOfAccount = ({
  userId,
  asOf,
  status,
  organizationId,
  createdAt,
  profile,
  username,
  usernameGivenBy,
  ...rest
}: AsOfAnswer): string[] => [
  line('user', userId),
  line('as of', placeOf(asOf)),
  line('status', status),
  line('organization', organizationId),
  line('created', createdAt),
  line('display name', profile.displayName),
  line('given name', profile.givenName),
  line('family name', profile.familyName),
  line('username', username && usernameGivenBy ? `${username}, given by ${giver(usernameGivenBy)}` : username),
  ...rest.emails.map(({ address, verified, assertedBy, since: from }) =>
    line(
      'e-mail',
      `${address}, ${verified ? 'verified' : assertedBy ? `asserted by ${assertedBy}` : 'not verified'}, ${since(from)}`,
    ),
  ),
  ...rest.credentials.filter(({ kind }) => kind === 'password').map(({ since: from }) => line('password', since(from))),
  ...rest.links.map(({ providerId, nameAtProvider, claimId, provenance, onHold, since: from }) =>
    line(
      'link',
      `${providerId} ${nameAtProvider ?? ''} ${since(from)}, ${provenance.origin}, ${provenance.policyRevision}, claim ${claimId}${onHold ? ', on hold since a recovery' : ''}`,
    ),
  ),
  ...rest.roles.map(({ role, since: from }) => line('role', `${role}, ${since(from)}`)),
  ...(rest.sessions ?? []).map(({ sessionId, method, providerId, since: from, expiresAt }) =>
    line('session', `${sessionId}, ${providerId ?? method}, since ${from}, until ${expiresAt}`),
  ),
];

export const linesOfDifference = ({ userId, from, to, differences }: DifferenceAnswer): string[] => [
  line('user', userId),
  line('from', placeOf(from)),
  line('to', placeOf(to)),
  ...(differences.length === 0 ? ['Nothing is different.'] : []),
  ...differences.flatMap(({ part, before, after }) => [part, `  - ${shown(before)}`, `  + ${shown(after)}`]),
];

const shown = (value: unknown): string =>
  value === null ? '–' : onOneLine(typeof value === 'string' ? value : JSON.stringify(value));
