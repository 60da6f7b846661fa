import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import { FilterError, createFilter } from '../filters.js';
import type { EventFilter } from '../filters.js';
import type { Direction } from '../log/reader.js';
import { invalidArgument } from './errors.js';
import { readStreamName } from './requests.js';

/** A revision or position; a bigint is one that the caller named. */
export type From = 'start' | 'end' | bigint;

export interface AllFilter {
  readonly matches: EventFilter;
  /** A checkpoint is due after so many considered events. */
  readonly checkpointInterval: number;
}

interface Common {
  readonly resolveLinks: boolean;
  /** Whether ids are to be sent as two numbers rather than as text. */
  readonly structuredIds: boolean;
}

export type ReadRequest = Common &
  (
    | {
        readonly kind: 'stream';
        readonly stream: string;
        readonly from: From;
        readonly direction: Direction;
        readonly maxCount: bigint;
      }
    | {
        readonly kind: 'all';
        readonly from: From;
        readonly direction: Direction;
        readonly maxCount: bigint;
        readonly filter: AllFilter | undefined;
      }
    | { readonly kind: 'stream-subscription'; readonly stream: string; readonly from: From }
    | { readonly kind: 'all-subscription'; readonly from: From; readonly filter: AllFilter | undefined }
  );

/** EventStoreDB's search window for filters that name none. */
const DEFAULT_SEARCH_WINDOW = 32;

const parseFilter = (options: ReadReq.Options): AllFilter | undefined => {
  const filter = options.getFilter();
  if (filter === undefined) return undefined;
  const onStream = filter.getStreamIdentifier();
  const expression = onStream ?? filter.getEventType();
  if (expression === undefined) throw invalidArgument('A filter needs a stream name or an event type to go by');
  const multiplier = filter.getCheckpointintervalmultiplier();
  const window = filter.hasMax() ? filter.getMax() : DEFAULT_SEARCH_WINDOW;
  if (multiplier === 0 || window === 0)
    throw invalidArgument('A filter needs a checkpoint interval and a search window of at least 1');
  const prefixes = expression.getPrefixList();
  try {
    return {
      matches: createFilter(
        onStream === undefined ? 'type' : 'stream',
        prefixes.length > 0 ? { prefixes } : { regex: expression.getRegex() },
      ),
      checkpointInterval: multiplier * window,
    };
  } catch (error) {
    throw error instanceof FilterError ? invalidArgument(error.message) : error;
  }
};

const parseAllFrom = (all: ReadReq.Options.AllOptions): From => {
  if (all.hasEnd()) return 'end';
  const position = all.getPosition();
  return position === undefined ? 'start' : BigInt(position.getCommitPosition());
};

const parseStreamFrom = (stream: ReadReq.Options.StreamOptions): From => {
  if (stream.hasEnd()) return 'end';
  return stream.hasRevision() ? BigInt(stream.getRevision()) : 'start';
};

/**
 * The request of a `Read` call.
 * @throws CallError invalid argument
 */
export const parseRead = (request: ReadReq): ReadRequest => {
  const options = request.getOptions();
  if (options === undefined) throw invalidArgument('A read needs its options');
  const common = {
    resolveLinks: options.getResolveLinks(),
    structuredIds: options.getUuidOption()?.hasStructured() ?? false,
  };
  const direction: Direction = options.getReadDirection() === 1 ? 'backwards' : 'forwards';
  const stream = options.getStream();
  const all = options.getAll();
  const isSubscription = options.hasSubscription();
  if (!isSubscription && !options.hasCount()) throw invalidArgument('A read needs a count or to be a subscription');
  if (isSubscription && direction === 'backwards') throw invalidArgument('A subscription goes forwards');
  if (stream !== undefined) {
    const name = readStreamName(stream.getStreamIdentifier());
    const from = parseStreamFrom(stream);
    if (isSubscription) return { ...common, kind: 'stream-subscription', stream: name, from };
    return { ...common, kind: 'stream', stream: name, from, direction, maxCount: BigInt(options.getCount()) };
  }
  if (all === undefined) throw invalidArgument('A read needs a stream or $all');
  const from = parseAllFrom(all);
  const filter = parseFilter(options);
  if (isSubscription) return { ...common, kind: 'all-subscription', from, filter };
  return { ...common, kind: 'all', from, direction, maxCount: BigInt(options.getCount()), filter };
};
