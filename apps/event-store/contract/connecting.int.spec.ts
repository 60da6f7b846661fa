import { EventStoreDBClient } from '@eventstore/db-client';
import { expect, it } from '@jest/globals';
import { event, newStream, typesOf, useContractStore } from './contract-store.js';

const store = useContractStore();

const roundTrip = async (url: string): Promise<readonly string[]> => {
  const client = EventStoreDBClient.connectionString(url);
  const stream = newStream();
  await client.appendToStream(stream, event('Through'));
  const types = await typesOf(client.readStream(stream));
  await client.dispose();
  return types;
};

it('a node is found by discovery (esdb+discover://)', async () => {
  expect(await roundTrip(store().url.replace(/^esdb(\+discover)?:/, 'esdb+discover:'))).toEqual(['Through']);
});

it('a node is found among the hosts of a cluster URL', async () => {
  const [, scheme, authority, rest] = /^(esdb:\/\/)([^/?]+)(.*)$/.exec(store().url.replace('+discover', '')) ?? [];
  const credentials = authority?.includes('@') ? authority.slice(0, authority.lastIndexOf('@') + 1) : '';
  const hosts = authority?.slice(credentials.length) ?? '';
  expect(await roundTrip(`${scheme}${credentials}${hosts},${hosts}${rest}`)).toEqual(['Through']);
});

it('several clients of one store see the same streams', async () => {
  const stream = newStream();
  const reader = EventStoreDBClient.connectionString(store().url);
  await store().client.appendToStream(stream, event('Shared'));
  expect(await typesOf(reader.readStream(stream))).toEqual(['Shared']);
  await reader.dispose();
});

it('an append that requires the leader is taken by it', async () => {
  const result = await store().client.appendToStream(newStream(), event('A'), { requiresLeader: true });
  expect(result.success).toBe(true);
});
