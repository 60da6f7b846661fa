import { z } from 'zod';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { actorSchema } from '#libs/event-store/event-metadata.js';

const MAX_POSITION = 2n ** 63n - 1n;

/**
 * A position in the log, written `pos:<number>`. An entry's own position is a cursor: reading goes on behind it, in the
 * order asked for.
 */
export const positionSchema = z
  .string()
  .regex(/^pos:\d{1,19}$/, 'must be a position that an earlier answer gave, such as pos:1234')
  .transform((text) => BigInt(text.slice('pos:'.length)))
  .refine((position) => position <= MAX_POSITION, 'must not be beyond every position');

export const cursorOf = (position: bigint): string => `pos:${position}`;

export const timeSchema = z.iso
  .datetime({ offset: true, error: 'must be a time in ISO 8601 with its zone, such as 2026-03-03T12:00:00Z' })
  .transform((text) => new Date(text));

const typesSchema = z
  .string()
  .max(1_000)
  .transform((types) => types.split(','))
  .superRefine((types, context) => {
    for (const type of types.filter((each) => !eventCatalog.has(each)))
      context.addIssue({ code: 'custom', message: `There is no event type "${type.slice(0, 100)}"` });
  });

const actorFilterSchema = z.string().transform((text, context) => {
  const [type = '', ...id] = text.split(':');
  const parsed = actorSchema.safeParse({ type, id: id.length === 0 ? 'any' : id.join(':') });
  if (parsed.success) return id.length === 0 ? { type: parsed.data.type } : parsed.data;
  context.addIssue({
    code: 'custom',
    message: `must be ${actorSchema.shape.type.options.join(', ')}, alone or with an id, such as user:0198c5a2-…`,
  });
  return z.NEVER;
});

const filterShape = {
  /** Event types, comma-separated. */
  types: typesSchema.optional(),
  from: timeSchema.optional(),
  to: timeSchema.optional(),
  actor: actorFilterSchema.optional(),
  /** Of an identity provider, the id. */
  provider: z.string().min(1).max(100).optional(),
  after: positionSchema.optional(),
  order: z.enum(['asc', 'desc']).default('asc'),
} as const;

const notReversed = ({ from, to }: { readonly from?: Date | undefined; readonly to?: Date | undefined }): boolean =>
  !from || !to || from <= to;
const REVERSED = { path: ['from'], error: 'must not be later than "to"' };

/** What a page of a history is asked for by. */
export const historyQuerySchema = z
  .strictObject({ ...filterShape, limit: z.coerce.number().int().min(1).max(1_000).default(100) })
  .refine(notReversed, REVERSED);
export type HistoryQuery = z.output<typeof historyQuerySchema>;

export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What an export is asked for by: a history without pages. */
export const exportQuerySchema = z
  .strictObject({ ...filterShape, format: z.enum(EXPORT_FORMATS).default('ndjson') })
  .refine(notReversed, REVERSED);
export type ExportQuery = z.output<typeof exportQuerySchema>;
