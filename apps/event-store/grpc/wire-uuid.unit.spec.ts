import shared from '@eventstore/db-client/generated/shared_pb.js';
import { expect, it } from '@jest/globals';
import { readUuid, toWireUuid } from './wire-uuid.js';

const UUIDS = [
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '0190a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b',
];

it.each(UUIDS)('%s survives both forms of the protocol', (uuid) => {
  for (const structured of [false, true]) {
    const message = shared.UUID.deserializeBinary(toWireUuid(uuid, structured).serializeBinary());
    expect(message.hasStructured()).toBe(structured);
    expect(readUuid(message)).toBe(uuid);
  }
});

it('is read in lower case, and not at all when it is none', () => {
  expect(readUuid(new shared.UUID().setString('0190A1B2-C3D4-7E5F-8A6B-9C0D1E2F3A4B'))).toBe(
    '0190a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b',
  );
  expect(readUuid(new shared.UUID().setString('no uuid'))).toBeUndefined();
  expect(readUuid(new shared.UUID())).toBeUndefined();
  expect(readUuid(undefined)).toBeUndefined();
});
