import type { Command } from 'commander';
import type { z } from 'zod';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { mistakeOf } from '#libs/platform/query-mistake.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { isUuid } from '#libs/platform/ids.js';
import { UsageError } from '../exit-codes.js';

/** The filters that every listing has, as options. */
export const withFilters = (command: Command): Command =>
  command
    .option('--types <types>', 'only these event types, comma-separated')
    .option('--from <time>', 'since then (ISO 8601)')
    .option('--to <time>', 'until then')
    .option('--actor <actor>', 'only by this kind of actor, or this one: admin, user:<id>')
    .option('--provider <id>', 'only what names this identity provider')
    .option('--after <position>', 'go on behind this entry: pos:<position>')
    .option('--order <order>', 'asc (oldest first) or desc');

export const FILTERS = ['types', 'from', 'to', 'actor', 'provider', 'after', 'order'] as const;

/** Parses the options that are a query; what is wrong is said by the option's name. */
export const queryFrom = <Schema extends z.ZodType>(
  schema: Schema,
  options: Readonly<Record<string, unknown>>,
  names: readonly string[] = FILTERS,
): { readonly query: z.output<Schema>; readonly asked: Record<string, unknown> } => {
  const asked = Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
  const parsed = schema.safeParse(asked);
  if (parsed.success) return { query: parsed.data, asked };
  throw new UsageError(`--${mistakeOf(parsed.error).detail.replaceAll('"', '')}`);
};

/** The organization of a user who exists, or existed. */
export const organizationOf = async (store: EventStore, id: string): Promise<string> => {
  if (!isUuid(id)) throw new UsageError(`"${id}" is not a user id; it looks like 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90`);
  const { organizationId } = (await loadAccount(store, id)).state;
  if (organizationId === undefined) throw new UsageError(`There is no user ${id}.`);
  return organizationId;
};
