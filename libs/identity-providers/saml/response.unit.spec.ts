import { expect, it } from '@jest/globals';
import { seededRandom } from '../../../bench/faults/support/seeded.js';
import { SamlResponseFuzz } from '#test-support/fuzz/saml-responses.js';

/* A taste of `npm run test:fuzz`: enough to notice at once what breaks. */
it('S1–S14: of 400 responses that were changed on their way, none is read as anything but what the provider signed, and none is a crash', async () => {
  const fuzz = await SamlResponseFuzz.start();
  const random = seededRandom(1);
  const refusals = new Map<string, number>();
  for (let i = 0; i < 400; i += 1) {
    const { outcome, detail, input } = await fuzz.attempt(random);
    if (outcome === 'accepted') throw new Error(`accepted: ${input}`);
    if (outcome === 'refused') refusals.set(detail, (refusals.get(detail) ?? 0) + 1);
  }
  // The generator reaches every stage: a parser that refused everything would prove nothing.
  expect([...refusals.keys()].map((detail) => detail.split(' ')[0])).toEqual(
    expect.arrayContaining(['saml_message', 'saml_signature', 'saml_decryption', 'saml_response', 'saml_assertion']),
  );
});
