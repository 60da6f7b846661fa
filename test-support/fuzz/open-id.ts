import { randomUUID } from 'node:crypto';
import type { JWK } from 'jose';
import { Flows } from '#libs/identity-providers/flows.postgres.js';
import { BackChannelLogout } from '#libs/identity-providers/oidc/back-channel-logout.js';
import { Discovery } from '#libs/identity-providers/oidc/discovery.js';
import { oidcProviderSettingsSchema } from '#libs/identity-providers/oidc/settings.js';
import { UpstreamOpenId } from '#libs/identity-providers/oidc/upstream-open-id.js';
import type { OpenIdFlowSecrets } from '#libs/identity-providers/oidc/upstream-open-id.js';
import { HostileOpenIdProvider } from '../hostile-openid-provider.js';
import type { Lies } from '../hostile-openid-provider.js';
import { BROWSER, CALLBACK, TEST_POLICY } from '../upstream-flows.js';
import { mutatedText, pick, strangeValue } from './fuzz.js';
import type { FuzzOutcome, FuzzTarget, Random } from './fuzz.js';
import { memoryFlows } from './memory-flows.js';

const POLICY = { ...TEST_POLICY, timeoutMs: 5_000 };
const clock = (): Date => new Date();
const now = (): number => Math.floor(Date.now() / 1_000);

/**
 * The three parts of a token as the bytes that are signed and the signature that is checked: base64url has more than
 * one text for some bytes.
 */
const canonical = (token: unknown): string => {
  if (typeof token !== 'string') return JSON.stringify(token);
  const [header, payload, signature, ...more] = token.split('.');
  return JSON.stringify([header, payload, Buffer.from(signature ?? '', 'base64url').toString('hex'), more]);
};
const parsed = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
};

/** One provider, and sign-ins at it. */
class Lane {
  upstream: UpstreamOpenId<string>;
  logout: BackChannelLogout;
  readonly #flows = new Flows<OpenIdFlowSecrets>(memoryFlows(), clock);

  constructor(readonly provider: HostileOpenIdProvider) {
    [this.upstream, this.logout] = this.#fresh();
  }

  /** Nothing is remembered of the provider. */
  forget(): void {
    [this.upstream, this.logout] = this.#fresh();
  }

  settings(userInfo = false) {
    const { issuer } = this.provider;
    return oidcProviderSettingsSchema.parse({
      id: 'hostile',
      kind: 'oidc',
      displayName: 'Hostile',
      issuer,
      clientId: 'ligature',
      scopes: ['openid'],
      userInfo,
    });
  }

  /** Begins a flow, and takes the provider's honest answer to it. */
  async begin(): Promise<Record<string, string>> {
    this.provider.lies = {};
    const begun = await this.upstream.begin({
      settings: this.settings(),
      intent: 'x',
      browserId: BROWSER,
      callbackUrl: CALLBACK,
    });
    if (begun.kind !== 'redirect') throw new Error(`an honest flow could not be begun: ${JSON.stringify(begun)}`);
    return Object.fromEntries(this.provider.answerTo(new URL(begun.redirectTo).searchParams));
  }

  complete(parameters: Readonly<Record<string, unknown>>, userInfo = false) {
    return this.upstream.complete({
      settings: this.settings(userInfo),
      parameters,
      browserId: BROWSER,
      callbackUrl: CALLBACK,
    });
  }

  /** A whole flow in which the provider lies after it was begun. */
  async outcomeWith(lies: Lies, isGenuine: () => boolean, input: () => string, userInfo = false): Promise<FuzzOutcome> {
    const parameters = await this.begin();
    this.provider.lies = lies;
    return outcomeOf(await this.complete(parameters, userInfo), isGenuine, input);
  }

  #fresh(): [UpstreamOpenId<string>, BackChannelLogout] {
    const discovery = new Discovery(POLICY, clock);
    return [
      new UpstreamOpenId({ flows: this.#flows, discovery, policy: POLICY, clock }),
      new BackChannelLogout({ discovery, clock }),
    ];
  }
}

const outcomeOf = (
  result: { readonly kind: string; readonly code?: string },
  isGenuine: () => boolean,
  input: () => string,
): FuzzOutcome => {
  if (result.kind === 'refused') return { outcome: 'refused', detail: result.code ?? '', input: input() };
  return { outcome: isGenuine() ? 'genuine' : 'accepted', detail: result.kind, input: input() };
};

/** The callback's parameters, changed between the provider and us. */
const callbacks = async (lane: Lane, random: Random): Promise<FuzzOutcome> => {
  const honest = await lane.begin();
  const name = pick(random, ['state', 'code', 'iss']);
  const value = honest[name] ?? '';
  const change: Record<string, unknown> = {
    ...honest,
    [name]: pick(random, [mutatedText(random, value), strangeValue(random), [value, value]]),
  };
  if (random() < 0.2) delete change[name];
  if (random() < 0.1) change.error = strangeValue(random);
  const isGenuine = (): boolean =>
    ['state', 'code', 'iss'].every((key) => change[key] === honest[key]) && change.error === undefined;
  return outcomeOf(await lane.complete(change), isGenuine, () => JSON.stringify(change));
};

/** The token response's text, and the id_token in it. */
const tokenResponses = async (lane: Lane, random: Random): Promise<FuzzOutcome> => {
  let [honest, sent] = ['', ''];
  const lies: Lies = {
    tokenAnswer: (answer) => {
      honest = canonical(answer.id_token);
      const wholeText = random() < 0.5;
      const value: unknown = random() < 0.8 ? mutatedText(random, String(answer.id_token)) : strangeValue(random);
      sent = wholeText ? mutatedText(random, JSON.stringify(answer)) : JSON.stringify({ ...answer, id_token: value });
      return sent;
    },
  };
  return lane.outcomeWith(
    lies,
    () => canonical(parsed(sent)?.id_token) === honest,
    () => sent,
  );
};

/** Claims that the provider itself signs, each one wrong. */
const WRONG_CLAIMS: Readonly<Record<string, (random: Random) => unknown>> = {
  iss: (random) => pick<unknown>(random, [undefined, strangeValue(random), 'https://evil.example', 'http://127.0.0.1']),
  aud: (random) =>
    pick<unknown>(random, [
      undefined,
      strangeValue(random),
      'other',
      ['other'],
      ['ligature', 'other'],
      'ligature ',
      'LIGATURE',
    ]),
  exp: (random) =>
    pick<unknown>(random, [undefined, null, '9999999999', now() - 61 - Math.floor(random() * 1e6), true, [], -1]),
  iat: (random) => pick<unknown>(random, [undefined, null, '1', now() + 120 + Math.floor(random() * 1e6), {}, true]),
  nbf: (random) => pick<unknown>(random, [null, '1', now() + 120 + Math.floor(random() * 1e6), {}]),
  nonce: (random) => pick<unknown>(random, [undefined, strangeValue(random), randomUUID()]),
  sub: (random) =>
    pick<unknown>(random, [undefined, null, 7, '', {}, [], ['subject-1'], 'x'.repeat(256), 'sübject', 'a\nb', true]),
  azp: (random) => pick<unknown>(random, ['other', 7, [], {}, 'ligature ']),
  auth_time: (random) => pick<unknown>(random, ['1', 1.5, {}, 9e99, -1, null]),
  amr: (random) => pick<unknown>(random, ['pwd', [7], {}, 7]),
  // Text that breaks the rule is left out of an acr, and refuses nothing (T1).
  acr: (random) => pick<unknown>(random, [7, [], {}]),
};
const claims = (lane: Lane, random: Random): Promise<FuzzOutcome> => {
  const name = pick(random, Object.keys(WRONG_CLAIMS));
  const change = { [name]: WRONG_CLAIMS[name]?.(random) };
  const lies: Lies = { claims: (honest) => ({ ...honest, ...change }) };
  return lane.outcomeWith(
    lies,
    () => false,
    () => JSON.stringify(change),
  );
};

const userInfos = (lane: Lane, random: Random): Promise<FuzzOutcome> => {
  let sent = '';
  const lies: Lies = {
    userInfo: (honest) => {
      const changed = {
        ...honest,
        sub: pick<unknown>(random, [undefined, strangeValue(random), mutatedText(random, String(honest.sub))]),
      };
      sent = random() < 0.5 ? mutatedText(random, JSON.stringify(honest)) : JSON.stringify(changed);
      return sent;
    },
  };
  // What else UserInfo says of the right person is the provider's business; it is taken by type, or left.
  return lane.outcomeWith(
    lies,
    () => parsed(sent)?.sub === lane.provider.subject,
    () => sent,
    true,
  );
};

const keySets = async (lane: Lane, random: Random): Promise<FuzzOutcome> => {
  let [sent, key] = ['', undefined as JWK | undefined];
  lane.forget();
  const lies: Lies = {
    jwks: (keys) => {
      [key] = keys;
      const field = pick(random, Object.keys(key ?? {}));
      const changed = {
        ...key,
        [field]: pick(random, [strangeValue(random), mutatedText(random, String(key?.[field as keyof JWK]))]),
      };
      sent =
        random() < 0.4
          ? mutatedText(random, JSON.stringify({ keys }))
          : JSON.stringify({ keys: pick<unknown>(random, [[changed], changed, [], [null], [[key]]]) });
      return sent;
    },
  };
  const isTheKey = (candidate: unknown): boolean => {
    const { kty, n, e } = (candidate ?? {}) as JWK;
    const bytes = (text: string | undefined): string => Buffer.from(text ?? '', 'base64url').toString('hex');
    return kty === key?.kty && bytes(n) === bytes(key?.n) && bytes(e) === bytes(key?.e);
  };
  const found = (): boolean => {
    const set = parsed(sent)?.keys;
    return Array.isArray(set) && set.some(isTheKey);
  };
  return lane.outcomeWith(lies, found, () => sent);
};

const logoutTokens = async (lane: Lane, random: Random): Promise<FuzzOutcome> => {
  lane.provider.lies = {};
  const event = 'http://schemas.openid.net/event/backchannel-logout';
  const honest = {
    iss: lane.provider.issuer,
    aud: 'ligature',
    sub: 's',
    iat: now(),
    exp: now() + 120,
    jti: randomUUID(),
    events: { [event]: {} },
  };
  const token = await lane.provider.sign(honest, { typ: 'logout+jwt' });
  const field = pick(random, ['iss', 'aud', 'iat', 'exp', 'jti', 'events', 'nonce', 'sub']);
  const wrong =
    field === 'jti' || field === 'sub'
      ? pick<unknown>(random, [undefined, null, 7, {}, ''])
      : (WRONG_CLAIMS[field]?.(random) ?? strangeValue(random));
  const signed = random() < 0.5;
  const sent = signed
    ? await lane.provider.sign({ ...honest, [field]: field === 'nonce' ? 'n' : wrong }, { typ: 'logout+jwt' })
    : pick<unknown>(random, [mutatedText(random, token), strangeValue(random)]);
  const isGenuine = (): boolean => !signed && canonical(sent) === canonical(token);
  return outcomeOf(await lane.logout.verify(lane.settings(), sent), isGenuine, () =>
    JSON.stringify(signed ? { [field]: wrong } : sent),
  );
};

const TARGETS = {
  'OpenID Connect callbacks': callbacks,
  'token responses': tokenResponses,
  'id_token claims': claims,
  'UserInfo answers': userInfos,
  'key sets': keySets,
  'logout tokens': logoutTokens,
} as const;

/**
 * What an OpenID Provider, or whoever stands between it and us, may send. Each target has a provider of its own, over
 * real HTTP.
 */
export const openIdTargets: readonly { readonly name: string; readonly start: () => Promise<FuzzTarget> }[] =
  Object.entries(TARGETS).map(([name, attempt]) => ({
    name,
    start: async () => {
      const provider = await HostileOpenIdProvider.start();
      const lane = new Lane(provider);
      return { name, try: (random) => attempt(lane, random), stop: () => provider.stop() };
    },
  }));
