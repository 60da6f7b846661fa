import { isDeepStrictEqual } from 'node:util';
import { nowWithin } from '#libs/identity-providers/saml/instant.js';
import { readLogoutRequest } from '#libs/identity-providers/saml/logout-request.js';
import type { LogoutMessage, LogoutRequest } from '#libs/identity-providers/saml/logout-request.js';
import { UpstreamError } from '#libs/identity-providers/upstream-error.js';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import { samlCertificate } from '../certificate.js';
import { instant, logoutRequestXml, PERSISTENT, redirectQuery, signElement } from '../saml-responses.js';
import { mutatedText } from './fuzz.js';
import type { FuzzOutcome, FuzzTarget, Random } from './fuzz.js';

const ISSUER = 'https://corp.example/metadata';
const SLO = 'https://id.example.org/providers/corp/slo';

/** LogoutRequests by both bindings that were changed on their way. */
class SamlLogoutFuzz implements FuzzTarget {
  readonly name = 'SAML logout requests';
  readonly #now = new Date();
  readonly #xml = logoutRequestXml({
    id: '_logout',
    issuer: ISSUER,
    destination: SLO,
    issueInstant: instant(),
    notOnOrAfter: instant(120),
    nameId: 'subject-1',
    nameIdFormat: PERSISTENT,
    sessionIndex: '_s1',
  });
  readonly #query: string;
  readonly #signed: string;

  private constructor(private readonly keys: Certificate) {
    this.#query = redirectQuery('SAMLRequest', this.#xml, keys, { relayState: 'back' });
    this.#signed = signElement(this.#xml, '_logout', keys);
  }

  static async start(): Promise<SamlLogoutFuzz> {
    return new SamlLogoutFuzz(await samlCertificate());
  }

  async try(random: Random): Promise<FuzzOutcome> {
    const message: LogoutMessage =
      random() < 0.5
        ? { binding: 'redirect', rawQuery: mutatedText(random, this.#query) }
        : {
            binding: 'post',
            encoded: Buffer.from(mutatedText(random, this.#signed)).toString('base64'),
            relayState: 'back',
          };
    const input = JSON.stringify(message);
    try {
      const read = this.#read(message);
      const honest = this.#read({ binding: 'redirect', rawQuery: this.#query });
      return { outcome: isDeepStrictEqual(read, honest) ? 'genuine' : 'accepted', detail: message.binding, input };
    } catch (error) {
      if (error instanceof UpstreamError) return { outcome: 'refused', detail: `${error.step} ${error.code}`, input };
      throw error;
    }
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  #read(message: LogoutMessage): LogoutRequest {
    return readLogoutRequest(message, {
      issuer: ISSUER,
      certificates: [this.keys.certificate],
      destination: SLO,
      now: nowWithin(this.#now, 60),
    });
  }
}

export const samlLogoutTarget = { name: 'SAML logout requests', start: () => SamlLogoutFuzz.start() } as const;
