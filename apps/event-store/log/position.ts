/**
 * Positions of `$all` as clients see them. EventStoreDB's are byte offsets: they grow, and most numbers between two of
 * them belong to no event. Here the n-th event (from 1) stands at `n × POSITION_STRIDE`, so a gap in the log would
 * show, and a made-up position can still be told from a real one. Commit and prepare position of an event are equal, as
 * in EventStoreDB for everything but its old explicit transactions.
 */
export const POSITION_STRIDE = 64n;

/** The position before the first event. */
export const LOG_START = 0n;
