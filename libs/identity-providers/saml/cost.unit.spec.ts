import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { SignedXml } from 'xml-crypto';
import { samlCertificate } from '#test-support/certificate.js';
import { FILLINGS, forgedLogout, forgedResponse } from '#test-support/hostile/requests.js';
import { nowWithin } from './instant.js';
import { readLogoutRequest } from './logout-request.js';
import { receiveResponse, verifyResponse } from './response.js';
import { SeenSignatures } from './seen-signatures.js';

const known = {
  issuer: 'https://id.example.org',
  entityId: 'https://corp.example/metadata',
  cookie: '',
  csrf: { signIn: '', register: '', recovery: '' },
};

describe('D1: a message that nobody signed', () => {
  const checkSignature = jest.spyOn(SignedXml.prototype, 'checkSignature');
  afterEach(() => void checkSignature.mockClear());

  it.each(Object.entries(FILLINGS))(
    'with %s is refused before anything of it is canonicalized',
    async (_what, filling) => {
      const { certificate } = await samlCertificate();
      const now = nowWithin(new Date(), 60);
      const response = async (): Promise<unknown> =>
        verifyResponse(receiveResponse(forgedResponse(known, filling)), {
          issuer: known.entityId,
          certificates: [certificate, certificate],
          signed: 'assertion',
          encrypted: 'optional',
          audience: `${known.issuer}/providers/corp/metadata`,
          recipient: `${known.issuer}/providers/corp/acs`,
          decryptionKeys: [],
          seen: new SeenSignatures(),
          now,
        });
      await expect(response()).rejects.toThrow(/certificates|elements|characters/);
      const logout = (): unknown =>
        readLogoutRequest(
          { binding: 'post', encoded: btoa(forgedLogout(known, filling)), relayState: undefined },
          {
            issuer: known.entityId,
            certificates: [certificate],
            destination: `${known.issuer}/providers/corp/slo`,
            now,
          },
        );
      expect(logout).toThrow(/certificates|elements|characters/);
      expect(checkSignature).not.toHaveBeenCalled();
    },
  );
});
