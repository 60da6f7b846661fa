import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fuzz } from '#test-support/fuzz/fuzz.js';
import { startTextFuzz } from '#test-support/fuzz/text.js';
import type { TextFuzz } from '#test-support/fuzz/text.js';

describe('T1: text', () => {
  let target: TextFuzz;
  beforeAll(async () => {
    target = await startTextFuzz();
  }, 60_000);
  afterAll(() => target.stop());

  it('any string by any way in is never answered with 500, refuses no sign-in by a provider, and parks no stream', async () => {
    const report = await fuzz(target, 320, 7);
    expect([report.accepted, report.crashes]).toEqual([[], []]);
  }, 120_000);

  it('a page takes forms only', async () => {
    const answer = await fetch(`${target.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"displayName":"Ada \\ud83d"}',
    });
    expect([answer.status, await answer.text()]).toEqual([415, expect.stringContaining('media_type_unsupported')]);
  });

  it.each(['state', 'nonce', 'login_hint', 'ui_locales', 'idp'])(
    'NUL in %s of an authorization request is refused',
    async (name) => {
      const query = new URLSearchParams({
        client_id: 'app',
        response_type: 'code',
        scope: 'openid',
        [name]: 'a\u0000',
      });
      const answer = await fetch(`${target.issuer}/auth?${query.toString()}`, { redirect: 'manual' });
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('invalid_request')]);
    },
  );

  it('a query with a control character is refused with a sentence', async () => {
    const answer = await fetch(`${target.issuer}/sign-in?choose=%00`);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('text_invalid')]);
  });
});
