import { LOGIN_TABLE } from './login-via-idp.js';
import type { Candidate, LoginFacts, LoginOutcome } from './login-via-idp.js';
import { linkingPolicySchema } from '#libs/organizations/linking-policy.js';

const OUTCOMES: Readonly<Record<Exclude<LoginOutcome['kind'], 'refused'>, string>> = {
  already_linked: 'already linked',
  link: 'claim and link',
  proven: 'proven; nothing linked or created',
  sign_in: 'sign in',
  link_automatically: 'link, sign in, tell the account’s owner',
  offer_link: 'page: prove control of the account, then link',
  provision: 'provision a user, link, sign in',
  choose: 'page: create an account, or prove control of one and link, as allowed',
};

const ANYBODY: Candidate = {
  userId: '',
  active: true,
  emailProven: true,
  knownWithAnotherSubject: false,
  hasStrongerWayIn: false,
  usernameVouchedFor: true,
};

/** Facts that every row's outcome can be taken from. */
const ANY: LoginFacts = {
  provider: { id: '', active: true, offered: true, externalSignInAllowed: true, policy: linkingPolicySchema.parse({}) },
  flow: { kind: 'link', userId: '', valid: true },
  owner: { userId: '', claimId: '', maySignIn: true, onHold: false },
  matches: {
    byEmail: ANYBODY,
    byUsername: ANYBODY,
    usernameAsserted: true,
  },
};

const inWords = (outcome: LoginOutcome): string =>
  outcome.kind === 'refused' ? `refuse \`${outcome.code}\`` : OUTCOMES[outcome.kind];

/** The login table as a Markdown table, from the very rows that decide. */
export const loginTableMarkdown = (): string =>
  [
    '| row | when | outcome |',
    '|---|---|---|',
    ...LOGIN_TABLE.map(({ row, rule, then }) => `| ${row} | ${rule} | ${inWords(then(ANY))} |`),
  ].join('\n');

const BEGIN = '<!-- login table: begin (npm run docs) -->';
const END = '<!-- login table: end -->';

/** A page with the table between its markers brought up to date. @throws when it has lost its markers */
export const withLoginTable = (page: string): string => {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`The page must keep the markers ${BEGIN} and ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${loginTableMarkdown()}\n\n${page.slice(to)}`;
};
