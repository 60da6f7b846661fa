import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import type { Empty } from '@eventstore/db-client/generated/shared_pb.js';
import type { handleUnaryCall, ServiceDefinition } from '@grpc/grpc-js';

/** The version of EventStoreDB whose behaviour this node has. */
const SERVER_VERSION = '23.10.8';

/**
 * `ServerFeatures.GetSupportedMethods`: what clients ask before their first append. Open to everyone: the client asks
 * without credentials.
 * @param services all that the server answers
 */
export const createGetSupportedMethods = (
  services: readonly ServiceDefinition[],
): handleUnaryCall<Empty, SupportedMethods> => {
  const methods = services.flatMap((service) =>
    Object.values(service).map(({ path }) => {
      const [, serviceName = '', methodName = ''] = path.split('/');
      return new features.SupportedMethod()
        .setServiceName(serviceName.toLowerCase())
        .setMethodName(methodName.toLowerCase());
    }),
  );
  return (_call, respond) =>
    respond(null, new features.SupportedMethods().setEventStoreServerVersion(SERVER_VERSION).setMethodsList(methods));
};
