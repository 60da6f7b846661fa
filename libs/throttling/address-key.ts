import { isIPv6 } from 'node:net';

const GROUPS = 8;
/**
 * A network of this many groups is the least that one site gets, and all of it is one stranger's to choose from (RFC
 * 6177).
 */
const OF_A_SITE = 4;

/**
 * Whom an address is counted as: an IPv4 address, in IPv6 notation too, as itself; an IPv6 address as its /64 network,
 * or whoever has one would have 2⁶⁴ tries for each that is allowed.
 */
export const addressKey = (address: string | undefined): string => {
  if (address === undefined) return 'unknown';
  const mapped = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(Math.max(0, GROUPS - head.length - tail.length)).fill('0');
  const network = [...head, ...zeros, ...tail].slice(0, OF_A_SITE).map((group) => parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
};
