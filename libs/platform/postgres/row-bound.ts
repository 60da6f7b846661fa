import { requestAddress } from '../request-address.js';
import type { Queryable } from './pool.js';

/** How many rows of a kind there may be. */
export interface Bound {
  /** Of one network, an IPv6 /64 or an IPv4 address. */
  readonly perAddress: number;
  readonly total: number;
}

/** A process looks after so many additions: the bound holds but for a quarter of it, per process. */
const SLACK = 4;
/** Networks that are counted at a time; beyond it all start anew. */
const MOST_ADDRESSES = 10_000;

/**
 * Bounds the rows that strangers make (security row D2): the oldest go first, of the network that made too many, else of
 * all. The table has the columns `address` (see {@link requestAddress}) and `expires_at`, and rows of a kind live
 * equally long.
 */
export class RowBound {
  readonly #added = new Map<string, number>();
  #all = 0;

  /**
   * @param table with its schema
   * @param kind which rows of the table are meant, in SQL
   */
  constructor(
    private readonly db: Queryable,
    private readonly table: string,
    private readonly bound: Bound,
    private readonly kind = 'true',
  ) {}

  /** To be called after a row was stored for the request under way. */
  async added(): Promise<void> {
    const address = requestAddress();
    const { perAddress, total } = this.bound;
    if (address !== undefined && this.#count(address) >= perAddress / SLACK) {
      this.#added.delete(address);
      await this.#removeBeyond(perAddress, 'AND address = $2', [address]);
    }
    this.#all += 1;
    if (this.#all < total / SLACK) return;
    this.#all = 0;
    await this.#removeBeyond(total, '', []);
  }

  #count(address: string): number {
    if (this.#added.size >= MOST_ADDRESSES) this.#added.clear();
    const count = (this.#added.get(address) ?? 0) + 1;
    this.#added.set(address, count);
    return count;
  }

  async #removeBeyond(most: number, which: string, values: readonly unknown[]): Promise<void> {
    await this.db.query(
      `DELETE FROM ${this.table} WHERE ctid = ANY (ARRAY (
         SELECT ctid FROM ${this.table} WHERE ${this.kind} ${which} ORDER BY expires_at DESC OFFSET $1))`,
      [most, ...values],
    );
  }
}
