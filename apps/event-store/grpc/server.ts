import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/grpc-js';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { Clock } from '#libs/platform/clock.js';
import { createAppend } from './append.js';
import { createBatchAppend } from './batch-append.js';
import { createDelete, createTombstone } from './delete.js';
import { createGossipRead } from './gossip.js';
import { OpenCalls } from './open-calls.js';
import { createRead } from './read.js';
import { createGetSupportedMethods } from './server-features.js';
import type { ServiceContext } from './service.js';
import { writeAhead } from './write-ahead.js';

/** Certificate and key in PEM. */
export interface TlsOptions {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly tls: TlsOptions | undefined;
}

export interface ListeningServer {
  readonly port: number;
  /** Ends all calls and connections; clients hear that the node is unavailable. */
  close(): Promise<void>;
}

/**
 * Larger than any append that is let in, so that one which is too large is refused by name and does not take others
 * with it.
 */
const MAX_MESSAGE_BYTES = 17 * 1024 * 1024;

/** Connections of clients that do not close them are cut after so long. */
const SHUTDOWN_MS = 500;

const SERVICES: readonly ServiceDefinition[] = [
  streamsGrpc.StreamsService,
  gossipGrpc.GossipService,
  featuresGrpc.ServerFeaturesService,
];

/**
 * Serves the protocol. Methods of other services are answered UNIMPLEMENTED by grpc-js.
 * @throws when the port is taken
 */
export const listen = async (
  context: ServiceContext,
  { host, port, tls }: ListenOptions,
  instanceId: string,
  clock: Clock,
): Promise<ListeningServer> => {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.so_reuseport': 0,
    interceptors: [writeAhead],
  });
  const openCalls = new OpenCalls();
  let listening = port;
  server.addService(streamsGrpc.StreamsService, {
    read: openCalls.tracking(createRead(context)),
    append: createAppend(context),
    batchAppend: openCalls.tracking(createBatchAppend(context)),
    delete: createDelete(context),
    tombstone: createTombstone(context),
  });
  server.addService(gossipGrpc.GossipService, { read: createGossipRead(instanceId, () => listening, clock) });
  server.addService(featuresGrpc.ServerFeaturesService, { getSupportedMethods: createGetSupportedMethods(SERVICES) });
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: tls.certificate, private_key: tls.key }]);
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  listening = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    port: listening,
    close: () => {
      openCalls.end();
      return new Promise((resolve) => {
        const patience = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, SHUTDOWN_MS);
        server.tryShutdown(() => {
          clearTimeout(patience);
          resolve();
        });
      });
    },
  };
};
