/**
 * What makes the node as bad as a real EventStoreDB was seen to be (docs/design/event-store.md, "Hazards"), so that
 * tests can show each hazard. Given by tests to `startNode`; no configuration reaches them. All are off unless said,
 * and may be changed while the node runs.
 */
export interface HazardSwitches {
  /** H1: an append with an empty event type is answered twice. */
  answerEmptyTypesTwice?: boolean;
  /** H4: ids of appends at `any` or `stream_exists` are not known again, as after a restart or fail-over. */
  forgetIdsOfAny?: boolean;
  /** H4, H8: so many appends are stored, and their answers lost with the call. */
  loseAnswers?: number;
  /**
   * H5: a position without an event is one of a record hidden from `$all`: the event after it is taken for the known
   * one.
   */
  hiddenRecords?: boolean;
  /** H6: a live subscription that is further behind is ended: EventStoreDB's limit is 32 events. */
  endSubscribersBehind?: number;
  /** H8: reads that do not require the leader see the log up to this position, as on a follower. */
  staleAfter?: bigint;
  /** H8: there is no leader: appends end with "Server Is Not Ready". */
  notReady?: boolean;
}
