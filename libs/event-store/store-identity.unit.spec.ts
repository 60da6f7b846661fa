import { describe, expect, it } from '@jest/globals';
import type { StoreConnection } from './store-connection.js';
import { checkCheckpoint, NotTheStoreWeKnewError } from './store-identity.js';

const checkpoint = { position: 5n, eventId: 'known' };
/** A store that answers every read of `$all` so. */
const storeThat = (readAll: () => AsyncIterable<unknown>): StoreConnection =>
  ({ read: (work: (client: unknown) => Promise<unknown>) => work({ readAll }) }) as unknown as StoreConnection;
const failing = (message: string, type?: string) =>
  async function* (): AsyncGenerator<never> {
    throw Object.assign(new Error(message), { type });
  };

describe('comparing a checkpoint with the store', () => {
  it.each([
    ['access denied', 'access-denied'],
    ['14 UNAVAILABLE: No connection established', undefined],
    ['Server Is Not Ready', 'unavailable'],
    ['Failed to discover after 10 attempts.', undefined],
  ])('E3: "%s" says nothing of which store it is', async (message, type) => {
    const answer = checkCheckpoint(storeThat(failing(message, type)), 'users', checkpoint);
    await expect(answer).rejects.toThrow(message);
    await expect(answer).rejects.not.toBeInstanceOf(NotTheStoreWeKnewError);
  });

  it('H7: nothing at the position is another store', async () => {
    const empty = async function* (): AsyncGenerator<never> {};
    await expect(checkCheckpoint(storeThat(empty), 'users', checkpoint)).rejects.toBeInstanceOf(NotTheStoreWeKnewError);
  });

  it('H5: another event at the position is another store', async () => {
    const other = async function* () {
      yield { event: { id: 'another', streamId: 'user-1', position: { commit: 5n, prepare: 5n } } };
    };
    await expect(checkCheckpoint(storeThat(other), 'users', checkpoint)).rejects.toBeInstanceOf(NotTheStoreWeKnewError);
  });

  it('the event that we know is the store that we know', async () => {
    const known = async function* () {
      yield { event: { id: 'known', streamId: 'user-1', position: { commit: 5n, prepare: 5n } } };
    };
    await expect(checkCheckpoint(storeThat(known), 'users', checkpoint)).resolves.toBeUndefined();
  });
});
