import { EventStoreDBClient } from '@eventstore/db-client';
import type { Channel } from '@grpc/grpc-js';
import { StoreUrlError } from './store-url.js';

/**
 * What client 6.2.1 keeps for itself; its version is pinned, and `store-client.unit.spec.ts` notices when one of these
 * is gone.
 */
interface ClientInternals {
  readonly disposableStreams: ReadonlySet<unknown>;
  callArguments: unknown;
  getChannel(): Promise<{ close(): void }>;
  createChannel(): Promise<Channel>;
}

/** What grpc-js 1.14 keeps for itself: its options, which it looks at when it connects. */
interface ChannelInternals {
  readonly internalChannel: { readonly options: Record<string, unknown> };
}

/** Bytes that may be under way to us, on each stream and on the connection (RFC 9113, section 5.2). */
const FLOW_CONTROL_WINDOW = 1024 * 1024;

const DISPOSE_MS = 1_000;

/**
 * The client's own error quotes the URL, password included.
 * @throws {StoreUrlError}
 */
export const clientOf = (url: string): EventStoreDBClient => {
  try {
    return EventStoreDBClient.connectionString(url);
  } catch {
    throw new StoreUrlError('EVENTSTORE_URL cannot be read; check its user, hosts and options (docs/operating.md)');
  }
};

/**
 * Opens a client whose own requests (features, gossip) are bounded like ours.
 * @param url checked by `checkStoreUrl`
 */
export const openClient = (url: string, requestTimeoutMs: number): EventStoreDBClient => {
  const bounded = /[?&]defaultDeadline=/i.test(url)
    ? url
    : `${url}${url.includes('?') ? '&' : '?'}defaultDeadline=${requestTimeoutMs}`;
  const client = clientOf(bounded);
  widenWindow(client as unknown as ClientInternals);
  return client;
};

/**
 * Channels to one address share a connection in grpc-js, whose window of 64 KiB would be shared by all subscriptions
 * and reads of the process: while subscriptions are far behind, a read of a few events took seconds, and the store was
 * taken for away. The client has no setting for it.
 */
const widenWindow = (internals: ClientInternals): void => {
  const create = internals.createChannel;
  internals.createChannel = async () => {
    const channel = await create();
    (channel as unknown as ChannelInternals).internalChannel.options['grpc-node.flow_control_window'] =
      FLOW_CONTROL_WINDOW;
    return channel;
  };
};

/**
 * Ends a client for good: it can open no stream any more, its streams are cancelled (what is pending on them rejects),
 * its channel is closed, which a client's own `dispose` leaves open to reconnect for ever.
 * @returns whether no stream of it is left, within a second: 6.2.1 waits for ever for a subscription that was resumed
 * and ended. Until then its
 *   end could still reject and unregister what another client appends (H2).
 */
export const retireClient = async (client: EventStoreDBClient): Promise<boolean> => {
  const internals = client as unknown as ClientInternals;
  internals.callArguments = () => {
    throw new RetiredClientError();
  };
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DISPOSE_MS);
  });
  await Promise.race([client.dispose(), patience]);
  clearTimeout(timer);
  // Not waited for: it may have to discover a cluster that is away before there is a channel to close.
  void internals.getChannel().then(
    (channel) => channel.close(),
    () => undefined,
  );
  return internals.disposableStreams.size === 0;
};

/**
 * A request came to a client that was replaced meanwhile; typed like the client's own so that it is classified with
 * them. Nothing was sent.
 */
class RetiredClientError extends Error {
  readonly type = 'unavailable';
  constructor() {
    super('The event store client was replaced');
  }
}
