import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import type { ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import type { Empty } from '@eventstore/db-client/generated/shared_pb.js';
import type { handleUnaryCall } from '@grpc/grpc-js';
import type { Clock } from '#libs/platform/clock.js';
import { toWireUuid } from './wire-uuid.js';

/** `host:port`, with or without the brackets of an IPv6 address. */
const AUTHORITY = /^\[?([^\]]+?)\]?:(\d{1,5})$/;

/**
 * `Gossip.Read`: a cluster of one, its leader. The address given is the one that the client has just reached this node
 * at, so that it also holds behind a port mapping. Open to everyone, as in EventStoreDB: the client asks without
 * credentials.
 * @param port where this node listens, for clients that do not say how they came
 */
export const createGossipRead = (
  instanceId: string,
  port: () => number,
  clock: Clock,
): handleUnaryCall<Empty, ClusterInfo> => {
  return (call, respond) => {
    const [, address = '127.0.0.1', reachedPort = String(port())] = AUTHORITY.exec(call.getHost() ?? '') ?? [];
    const member = new gossip.MemberInfo()
      .setInstanceId(toWireUuid(instanceId, false))
      .setTimeStamp(String(BigInt(clock().getTime()) * 10_000n))
      .setState(gossip.MemberInfo.VNodeState.LEADER)
      .setIsAlive(true)
      .setHttpEndPoint(new gossip.EndPoint().setAddress(address).setPort(Number(reachedPort)));
    respond(null, new gossip.ClusterInfo().setMembersList([member]));
  };
};
