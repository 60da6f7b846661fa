import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb.js';
import status from '@eventstore/db-client/generated/status_pb.js';
import type { Status } from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import protobufEmpty from 'google-protobuf/google/protobuf/empty_pb.js';
import type { ExpectedRevision, ProposedEvent } from '../log/event.js';
import type { WriteOutcome } from '../log/write.js';
import { mayAppendTo } from './authentication.js';
import type { Caller } from './authentication.js';
import { CallError, toStatus, unavailable } from './errors.js';
import { answerForFailure } from './failure.js';
import {
  packedAccessDenied,
  packedBadRequest,
  packedMaximumAppendSizeExceeded,
  packedStreamDeleted,
  packedTimeout,
  packedWrongExpectedVersion,
} from './packed-status.js';
import { appendSize, readExpectedRevision, readProposedEvent, readStreamName } from './requests.js';
import type { ServiceContext } from './service.js';
import { readUuid } from './wire-uuid.js';

type Call = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;

/** One append of the call: its parts share a correlation id, and the last of them is marked as final. */
interface Append {
  readonly correlationId: UUID | undefined;
  readonly identifier: StreamIdentifier;
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly deadlineMs: number;
  readonly events: ProposedEvent[];
  size: number;
}

/** A call reads on only while no more than this is in flight: a client may send faster than PostgreSQL stores. */
const IN_FLIGHT_MAX_APPENDS = 2_048;
const IN_FLIGHT_MAX_BYTES = 16 * 1024 * 1024;
/** The same for appends whose final part has not come yet. */
const UNFINISHED_MAX_APPENDS = 256;
const UNFINISHED_MAX_BYTES = 16 * 1024 * 1024;
const DEADLINE_CHECK_MS = 250;
/** EventStoreDB waits no longer for a write, whatever the client allows. */
const WRITE_TIMEOUT_MS = 30_000;

const keyOf = (id: UUID | undefined): string => readUuid(id) ?? '';

const readDeadlineMs = (options: BatchAppendReq.Options, nowMs: number): number => {
  const latest = nowMs + WRITE_TIMEOUT_MS;
  const deadline = options.getDeadline();
  if (deadline === undefined) return latest;
  return Math.min(deadline.getSeconds() * 1000 + deadline.getNanos() / 1e6, latest);
};

const readOptions = (correlationId: UUID | undefined, options: BatchAppendReq.Options, nowMs: number): Append => ({
  correlationId,
  identifier: options.getStreamIdentifier() ?? new shared.StreamIdentifier(),
  stream: readStreamName(options.getStreamIdentifier()),
  expected: readExpectedRevision(options, options.hasStreamPosition() ? options.getStreamPosition() : undefined),
  deadlineMs: readDeadlineMs(options, nowMs),
  events: [],
  size: 0,
});

/**
 * `Streams.BatchAppend`: many appends over one call, answered by correlation id in the order in which they settle. Each
 * is answered once.
 */
class BatchAppendCall {
  readonly #unfinished = new Map<string, Append>();
  #bytesUnfinished = 0;
  readonly #inFlight = new Set<Append>();
  #bytesInFlight = 0;
  readonly #deadlines: NodeJS.Timeout;

  constructor(
    private readonly call: Call,
    private readonly context: ServiceContext,
    private readonly caller: Caller,
  ) {
    this.#deadlines = setInterval(() => this.#expire(Date.now()), DEADLINE_CHECK_MS);
    call.on('data', (request: BatchAppendReq) => this.#receive(request));
    call.on('drain', () => this.#continue());
    call.on('end', () => this.#continue());
    call.once('close', () => this.#stop());
    call.once('cancelled', () => this.#stop());
  }

  #receive(request: BatchAppendReq): void {
    // The call has failed; nobody would hear of what is begun now.
    if (!this.call.writable) return;
    const correlationId = request.getCorrelationId();
    const key = keyOf(correlationId);
    const identifier =
      this.#unfinished.get(key)?.identifier ??
      request.getOptions()?.getStreamIdentifier() ??
      new shared.StreamIdentifier();
    const refuse = (error: Status): void => {
      this.#finish(key);
      this.#refuse({ correlationId, identifier }, error);
    };
    try {
      const append = this.#appendOf(request, key);
      if (append === 'unknown') return;
      if (append instanceof status.Status) refuse(append);
      else this.#addEvents(append, request, key);
    } catch (error) {
      if (!(error instanceof CallError))
        this.context.logger.warn({ err: error }, 'A message of BatchAppend could not be read');
      refuse(packedBadRequest(error instanceof CallError ? error.message : 'Malformed request'));
      if (this.context.switches.answerEmptyTypesTwice && hasEmptyType(request))
        this.#refuse({ correlationId, identifier }, packedBadRequest('H1'));
    }
    this.#continue();
  }

  /**
   * The append that a message begins or continues; an error to answer with; or `unknown` for the rest of one that has
   * been answered already.
   */
  #appendOf(request: BatchAppendReq, key: string): Append | Status | 'unknown' {
    const options = request.getOptions();
    if (options === undefined) return this.#unfinished.get(key) ?? 'unknown';
    if (this.caller === 'anonymous') return packedAccessDenied();
    const append = readOptions(request.getCorrelationId(), options, Date.now());
    if (!mayAppendTo(this.caller, append.stream)) return packedAccessDenied();
    if (append.deadlineMs <= Date.now()) return packedTimeout();
    if (this.#unfinished.size >= UNFINISHED_MAX_APPENDS || this.#bytesUnfinished >= UNFINISHED_MAX_BYTES)
      return packedBadRequest('Too many appends without their final part');
    this.#finish(key);
    this.#unfinished.set(key, append);
    return append;
  }

  #finish(key: string): void {
    this.#bytesUnfinished -= this.#unfinished.get(key)?.size ?? 0;
    this.#unfinished.delete(key);
  }

  #addEvents(append: Append, request: BatchAppendReq, key: string): void {
    for (const message of request.getProposedMessagesList()) {
      const event = readProposedEvent(message);
      append.events.push(event);
      append.size += appendSize(event);
      this.#bytesUnfinished += appendSize(event);
    }
    const { maxAppendSize } = this.context;
    if (append.size <= maxAppendSize && !request.getIsFinal()) return;
    this.#finish(key);
    if (append.size > maxAppendSize) this.#refuse(append, packedMaximumAppendSizeExceeded(maxAppendSize));
    else this.#begin(append);
  }

  #begin(append: Append): void {
    if (this.context.switches.notReady) return this.#endUnavailable();
    this.#inFlight.add(append);
    this.#bytesInFlight += append.size;
    const { stream, expected, events, deadlineMs } = append;
    void this.context.writer.write({ kind: 'append', stream, expected, events, deadlineMs }).then((outcome) => {
      // Unless its deadline has passed meanwhile: it was answered then.
      if (this.#forget(append)) this.#answer(append, outcome);
      this.#continue();
    });
  }

  #forget(append: Append): boolean {
    if (!this.#inFlight.delete(append)) return false;
    this.#bytesInFlight -= append.size;
    return true;
  }

  #answer(append: Append, outcome: WriteOutcome): void {
    const { switches } = this.context;
    if ((switches.loseAnswers ?? 0) > 0) {
      switches.loseAnswers = (switches.loseAnswers ?? 0) - 1;
      return this.#endUnavailable();
    }
    switch (outcome.kind) {
      case 'written':
        return this.#succeed(append, outcome.revision, outcome.position);
      case 'conflict':
        return this.#refuse(append, packedWrongExpectedVersion(append.expected, outcome.actual));
      case 'deleted':
        return this.#refuse(append, packedStreamDeleted(append.identifier));
      case 'expired':
        return this.#refuse(append, packedTimeout());
      case 'unavailable':
        return this.#endUnavailable();
    }
  }

  /** No packed error says this; the end of the call does, for all its appends at once. */
  #endUnavailable(): void {
    if (this.call.writable) this.call.emit('error', toStatus(unavailable()));
  }

  #succeed({ correlationId, identifier }: Append, revision: bigint, position: bigint): void {
    const success = new streams.BatchAppendResp.Success().setPosition(
      new shared.AllStreamPosition().setCommitPosition(String(position)).setPreparePosition(String(position)),
    );
    if (revision < 0n) success.setNoStream(new protobufEmpty.Empty());
    else success.setCurrentRevision(String(revision));
    this.#send(
      new streams.BatchAppendResp().setCorrelationId(correlationId).setStreamIdentifier(identifier).setSuccess(success),
    );
  }

  #refuse({ correlationId, identifier }: Pick<Append, 'correlationId' | 'identifier'>, error: Status): void {
    this.#send(
      new streams.BatchAppendResp().setCorrelationId(correlationId).setStreamIdentifier(identifier).setError(error),
    );
  }

  #send(response: BatchAppendResp): void {
    if (this.call.writable) this.call.write(response);
  }

  /** Reads on, waits, or ends the call, as what is in flight and what the client has read of the answers allow. */
  #continue(): void {
    if (this.call.readableEnded) {
      if (this.#inFlight.size === 0 && this.call.writable) this.call.end();
      return;
    }
    const full =
      this.#inFlight.size >= IN_FLIGHT_MAX_APPENDS ||
      this.#bytesInFlight >= IN_FLIGHT_MAX_BYTES ||
      this.call.writableNeedDrain;
    if (full) this.call.pause();
    else if (this.call.isPaused()) this.call.resume();
  }

  /** The client does not watch its deadlines itself: it waits for this answer. */
  #expire(nowMs: number): void {
    for (const append of [...this.#inFlight]) {
      if (append.deadlineMs > nowMs) continue;
      this.#forget(append);
      this.#refuse(append, packedTimeout());
    }
    this.#continue();
  }

  #stop(): void {
    clearInterval(this.#deadlines);
    this.#unfinished.clear();
    this.#inFlight.clear();
    this.#bytesInFlight = 0;
  }
}

const hasEmptyType = (request: BatchAppendReq): boolean =>
  request.getProposedMessagesList().some((message) => message.getMetadataMap().get('type') === '');

export const createBatchAppend =
  (context: ServiceContext) =>
  (call: Call): void => {
    try {
      new BatchAppendCall(call, context, context.authenticate(call.metadata));
    } catch (error) {
      call.emit('error', answerForFailure(error, context.logger, 'BatchAppend'));
    }
  };
