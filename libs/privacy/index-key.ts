import { createHash, createHmac } from 'node:crypto';

/**
 * Names that must not tell whom they name: `<secret id>.<HMAC-SHA-256>` over length-prefixed parts, so that no two
 * different lists of parts give the same bytes (security row L14). The secret is `LIGATURE_INDEX_SECRET`, never the
 * master key.
 */
export interface IndexKeys {
  /** @param parts begin with the category and the organization; compared byte for byte, never case-folded */
  of(...parts: readonly [category: string, organizationId: string, ...rest: string[]]): string;
  /** Proves in the event store which secret names depend on, without telling it. */
  readonly fingerprint: string;
}

/** @param secret at least 32 bytes */
export const createIndexKeys = (secret: Buffer): IndexKeys => {
  const id = createHash('sha256').update('ligature index secret id').update(secret).digest('hex').slice(0, 8);
  const hmac = (parts: readonly string[]): Buffer => {
    const mac = createHmac('sha256', secret);
    for (const part of parts) {
      // As bytes, every half of a surrogate pair is the same: two parts would become one (security row T1).
      if (!part.isWellFormed()) throw new Error('a part of a name is no well-formed text');
      const bytes = Buffer.from(part, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      mac.update(length).update(bytes);
    }
    return mac.digest();
  };
  return {
    of: (...parts) => `${id}.${hmac(parts).toString('base64url')}`,
    fingerprint: hmac(['ligature index secret fingerprint']).toString('base64url'),
  };
};
