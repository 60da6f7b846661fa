import { randomBytes } from 'node:crypto';

/** A client of the benches: the same at every server. */
export const CLIENT = { id: 'bench', secret: 'a-secret-of-the-benches-and-of-nothing-else' } as const;
export const BASIC = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`;
export const SCOPE = 'openid profile email offline_access';

/** A row as oidc-provider would have stored it. */
export interface SeededArtifact {
  readonly model: 'Grant' | 'AccessToken' | 'RefreshToken';
  readonly id: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** One person's grant, with an access token and a refresh token: each worker has a person of its own. */
export interface Seed {
  readonly userId: string;
  readonly sessionUid: string;
  readonly grant: SeededArtifact;
  readonly accessToken: SeededArtifact;
  readonly refreshToken: SeededArtifact;
}

const LIFE_S = 24 * 3_600;
const newId = (): string => randomBytes(32).toString('base64url');

export const makeSeed = (userId: string): Seed => {
  const iat = Math.floor(Date.now() / 1_000);
  const [grantId, sessionUid] = [newId(), newId()];
  const artifact = (
    model: SeededArtifact['model'],
    payload: Record<string, unknown>,
    id = newId(),
  ): SeededArtifact => ({
    model,
    id,
    payload: { iat, exp: iat + LIFE_S, ...payload, jti: id, kind: model, clientId: CLIENT.id, accountId: userId },
  });
  const token = { grantId, sessionUid, gty: 'authorization_code', scope: SCOPE };
  return {
    userId,
    sessionUid,
    grant: artifact('Grant', { openid: { scope: SCOPE } }, grantId),
    accessToken: artifact('AccessToken', { ...token, extra: {} }),
    refreshToken: artifact('RefreshToken', { ...token, authTime: iat, rotations: 0, iiat: iat }),
  };
};

/** The browser session behind it, in which the client got an ID token. */
export const sessionPayloadOf = ({ userId, sessionUid, grant }: Seed): Readonly<Record<string, unknown>> => ({
  uid: sessionUid,
  kind: 'Session',
  accountId: userId,
  authorizations: { [CLIENT.id]: { sid: sessionUid, grantId: grant.id } },
});
