import type { Restriction } from '../events.js';
import type { Organization } from '../state.js';

/** The ways in that count as left while a restriction is announced (domain.md, "Settings that take ways in away"). */
export interface WaysLeft {
  readonly password: boolean;
  readonly recovery: boolean;
  /** Whether people would still come in through a provider. */
  readonly provider: (id: string) => boolean;
}

/** What would be left of an organization's ways in by what is announced; all of them where nothing is. Pure. */
export const afterAnnounced = ({ loginPolicy, announced }: Organization): WaysLeft => {
  const stays = (method: Restriction['methods'][number]): boolean =>
    announced?.restriction.methods.includes(method) !== true;
  return {
    password: loginPolicy.password && stays('password'),
    recovery: loginPolicy.recovery && stays('recovery'),
    provider: (id) =>
      loginPolicy.externalSignIn && stays('external_sign_in') && announced?.restriction.providers.includes(id) !== true,
  };
};
