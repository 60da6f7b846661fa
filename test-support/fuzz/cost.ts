import { HostileServer } from '../hostile/hostile-server.js';
import { FILLINGS, forgedLogout, forgedResponse } from '../hostile/requests.js';
import type { HostileRequest } from '../hostile/requests.js';
import { mutatedText, pick } from './fuzz.js';
import type { FuzzOutcome, FuzzTarget, Random } from './fuzz.js';

/** Processor time of the identity server that one request without authentication may cost, in milliseconds. */
const MOST_MS = 25;
/** A collection of garbage, or the projector in the same process, is not the request’s. */
const SECOND_LOOKS = 8;

/** Mutated attacks on every route that needs no authentication (security row D1). "Accepted" is what costs too much. */
class CostFuzz implements FuzzTarget {
  readonly name = 'cost';
  readonly #requests: readonly HostileRequest[];

  constructor(private readonly server: HostileServer) {
    this.#requests = server.requests().filter(({ hashes }) => !hashes);
  }

  async try(random: Random): Promise<FuzzOutcome> {
    const request = random() < 0.5 ? this.#mutated(random) : this.#xml(random);
    const input = `${request.route}: ${request.path.slice(0, 300)} ${String(request.init?.body ?? '').slice(0, 300)}`;
    let cost = await this.server.costOf(request);
    for (let look = 0; look < SECOND_LOOKS && cost > MOST_MS; look += 1)
      cost = Math.min(cost, await this.server.costOf(request));
    const detail = `${cost.toFixed(1)} ms`;
    return { outcome: cost > MOST_MS ? 'accepted' : 'refused', detail, input };
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  #mutated(random: Random): HostileRequest {
    const request = pick(random, this.#requests);
    const { init } = request;
    if (typeof init?.body === 'string') return { ...request, init: { ...init, body: mutatedText(random, init.body) } };
    const [path = '', query] = request.path.split('?', 2);
    return query === undefined
      ? request
      : { ...request, path: `${path}?${encodeURI(mutatedText(random, query).toWellFormed()).replaceAll('#', '')}` };
  }

  /** XML that is mutated before it is encoded. */
  #xml(random: Random): HostileRequest {
    const filling = pick(random, Object.values(FILLINGS));
    const logout = random() < 0.5;
    const xml = (logout ? forgedLogout : forgedResponse)(this.server.known, filling);
    const message = Buffer.from(random() < 0.7 ? mutatedText(random, xml) : xml).toString('base64');
    return {
      route: logout ? 'slo' : 'acs',
      what: 'mutated',
      path: `/providers/corp/${logout ? 'slo' : 'acs'}`,
      init: {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ [logout ? 'SAMLRequest' : 'SAMLResponse']: message }).toString(),
      },
    };
  }
}

export const costTarget = {
  name: 'cost',
  start: async (): Promise<FuzzTarget> => new CostFuzz(await HostileServer.start()),
} as const;
