const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Whether an address may be used: https, or http on a loopback host, for development and native apps (RFC 8252, section
 * 7.3).
 */
export const isSecureOrLoopback = (address: string): boolean => {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.includes(hostname));
};
