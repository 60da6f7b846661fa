import type { Queryable } from '#libs/platform/postgres/pool.js';

interface Row {
  readonly provider_id: unknown;
  readonly issuer: unknown;
  readonly browser: string;
  readonly kept: unknown;
  readonly reauthenticate: unknown;
  readonly intent: unknown;
  readonly begun_at: unknown;
  readonly expires: Date;
}

const hex = (value: unknown): string => (value as Buffer).toString('hex');

/** The table of flows without a database: the two statements that a flow needs, a hundred thousand times. */
export const memoryFlows = (): Queryable => {
  const rows = new Map<string, Row>();
  const query = (sql: string, values: readonly unknown[] = []): Promise<{ rows: unknown[]; rowCount: number }> => {
    if (sql.startsWith('INSERT')) {
      const [name, provider_id, issuer, browser, kept, reauthenticate, intent, begun_at, expires] = values;
      rows.set(hex(name), {
        provider_id,
        issuer,
        browser: hex(browser),
        kept: JSON.parse(kept as string),
        reauthenticate,
        intent: JSON.parse(intent as string),
        begun_at,
        expires: expires as Date,
      });
      return Promise.resolve({ rows: [], rowCount: 1 });
    }
    const [name, now, browser] = values;
    const row = rows.get(hex(name));
    rows.delete(hex(name));
    if (rows.size > 1_000) rows.clear();
    const taken = row && { ...row, same_browser: row.browser === hex(browser), live: row.expires > (now as Date) };
    return Promise.resolve({ rows: taken ? [taken] : [], rowCount: taken ? 1 : 0 });
  };
  return { query } as unknown as Queryable;
};
