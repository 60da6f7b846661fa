import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { UUID } from '@eventstore/db-client/generated/shared_pb.js';

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const fromHex = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

/** @returns the UUID in lower-case canonical form; undefined when the message holds none */
export const readUuid = (message: UUID | undefined): string | undefined => {
  if (message === undefined) return undefined;
  const structured = message.getStructured();
  if (structured === undefined) {
    const text = message.getString();
    return CANONICAL.test(text) ? text.toLowerCase() : undefined;
  }
  const half = (bits: string): string => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0');
  return fromHex(half(structured.getMostSignificantBits()) + half(structured.getLeastSignificantBits()));
};

/** @param structured as two 64-bit halves rather than as text; the caller chooses */
export const toWireUuid = (uuid: string, structured: boolean): UUID => {
  if (!structured) return new shared.UUID().setString(uuid);
  const hex = uuid.replaceAll('-', '');
  const half = (digits: string): string => String(BigInt.asIntN(64, BigInt(`0x${digits}`)));
  return new shared.UUID().setStructured(
    new shared.UUID.Structured()
      .setMostSignificantBits(half(hex.slice(0, 16)))
      .setLeastSignificantBits(half(hex.slice(16))),
  );
};
