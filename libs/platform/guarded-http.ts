import { lookup as resolve } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup as lookupAll } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * What may be asked of addresses that an operator, a provider or a relying party names (security rows O9, O10, P13).
 */
export interface HttpPolicy {
  /** Plain http to loopback addresses, for development. */
  readonly allowLoopback: boolean;
  /** https to private addresses, where the installation's provider lives inside its network. */
  readonly allowPrivateAddresses: boolean;
  /** Upper bound for a whole exchange, in milliseconds. */
  readonly timeoutMs: number;
  /** Largest body that is read, in bytes. */
  readonly maxBytes: number;
}

export const DEFAULT_HTTP_POLICY: HttpPolicy = {
  allowLoopback: false,
  allowPrivateAddresses: false,
  timeoutMs: 5_000,
  maxBytes: 512 * 1024,
};

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** The provider's clock, in whole seconds (RFC 9110, section 6.6.1). */
  readonly date: Date | undefined;
  /** Where it would have sent a browser on to. */
  readonly location: string | undefined;
}

/** The exchange did not take place, or was given up: refused address, no connection, time-out, oversize. */
export class HttpExchangeError extends Error {}

/**
 * The provider answers, and what it says of itself cannot be true or cannot be used: trying again does not help, other
 * settings do.
 */
export class UnusableProviderError extends HttpExchangeError {}

const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fec0::', 10],
  // Those that carry an IPv4 address, which could be an inner one (RFC 6052, RFC 8215, RFC 3056, RFC 4380).
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['2001::', 32],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv6');
}
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const listed = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** IPv4 in IPv6 notation is judged by the IPv4 address that it is. */
const unmapped = (address: string): string => /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;

const addressAllowed = (address: string, protocol: string, policy: HttpPolicy): boolean => {
  const ip = unmapped(address);
  if (listed(LOOPBACK, ip)) return policy.allowLoopback;
  if (protocol !== 'https:') return false;
  return policy.allowPrivateAddresses || !listed(PRIVATE, ip);
};

const LOOKUP_MS = 2_000;

/**
 * Why an address could never be asked, as far as that can be told without asking it: its scheme, and where its name
 * leads to now. A name that leads nowhere yet is no reason.
 */
export const addressMistake = async (target: string, policy: HttpPolicy): Promise<string | undefined> => {
  const { protocol, hostname } = new URL(target);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol !== 'https:' && !policy.allowLoopback) return 'must be https: http is for development only';
  const found = isIP(host)
    ? [{ address: host }]
    : await withinTime(lookupAll(host, { all: true }), LOOKUP_MS).catch(() => []);
  const inside = found.length > 0 && !found.some(({ address }) => addressAllowed(address, protocol, policy));
  return inside ? 'leads inside the network; LIGATURE_ALLOW_PRIVATE_PROVIDERS=true allows https there' : undefined;
};

const withinTime = <T>(work: Promise<T>, timeoutMs: number): Promise<T> =>
  Promise.race([
    work,
    delay(timeoutMs, undefined, { ref: false }).then(() => Promise.reject(new Error('no answer in time'))),
  ]);

/**
 * One request, bounded in time and size, that follows no redirect and connects to allowed addresses only. The check is
 * on the address that is connected to, not on one that was looked up before (DNS rebinding).
 * @throws {HttpExchangeError}
 */
export const exchange = (
  target: string,
  policy: HttpPolicy,
  init: {
    readonly method?: 'GET' | 'POST';
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  } = {},
): Promise<HttpAnswer> =>
  new Promise((done, fail) => {
    const url = new URL(target);
    const give = (reason: string): void => fail(new HttpExchangeError(`${url.origin}: ${reason}`));
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return give('only https');
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) && !addressAllowed(host, url.protocol, policy)) return give('this address may not be asked');
    const lookup = (
      name: string,
      options: LookupOptions,
      answer: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
    ): void => {
      resolve(name, { ...options, all: true }, (error, addresses) => {
        if (error) return answer(error, []);
        const allowed = addresses.filter(({ address }) => addressAllowed(address, url.protocol, policy));
        const [first] = allowed;
        if (!first) return answer(new HttpExchangeError('its address may not be asked'), []);
        if (options.all) answer(null, allowed);
        else answer(null, first.address, first.family);
      });
    };
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      {
        method: init.method ?? 'GET',
        headers: {
          accept: 'application/json',
          'user-agent': 'Ligature',
          ...init.headers,
          ...(init.body === undefined ? {} : { 'content-length': Buffer.byteLength(init.body) }),
        },
        lookup: lookup as never,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > policy.maxBytes) {
            give('its answer is too large');
            request.destroy();
          } else chunks.push(chunk);
        });
        response.on('end', () => {
          clearTimeout(timer);
          const date = new Date(response.headers.date ?? '');
          done({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('utf8'),
            date: Number.isNaN(date.getTime()) ? undefined : date,
            location: response.headers.location,
          });
        });
        response.on('error', (error) => give(error.message));
      },
    );
    const timer = setTimeout(() => {
      give(`no answer within ${policy.timeoutMs} ms`);
      request.destroy();
    }, policy.timeoutMs);
    request.on('error', (error) => {
      clearTimeout(timer);
      give(error.message);
    });
    request.end(init.body);
  });

/** Parses a JSON object. @throws {HttpExchangeError} for anything else, `null` and arrays included */
export const jsonObject = (target: string, { body }: HttpAnswer): Record<string, unknown> => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new HttpExchangeError(`${new URL(target).origin}: its answer is not JSON`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new HttpExchangeError(`${new URL(target).origin}: its answer is not a JSON object`);
  return value as Record<string, unknown>;
};
