import { describe, expect, it } from '@jest/globals';
import { classify } from './store-errors.js';
import { openClient, retireClient } from './store-client.js';

describe('a retired client', () => {
  it('H2: has no stream, and can open none: an append that comes late is rejected as not sent', async () => {
    const client = openClient('esdb://127.0.0.1:1?tls=false', 500);
    expect((client as unknown as { disposableStreams: unknown }).disposableStreams).toBeInstanceOf(Set);
    expect((client as unknown as { callArguments: unknown }).callArguments).toBeInstanceOf(Function);
    expect((client as unknown as { getChannel: unknown }).getChannel).toBeInstanceOf(Function);
    expect(await retireClient(client)).toBe(true);
    const late = await client.appendToStream('test-1', { id: 'x' } as never).catch((error: unknown) => error);
    expect(classify(late)).toBe('away');
  });
});
