import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a sign-in under way must be answered with. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

export interface SignedIn {
  readonly idToken: string;
  readonly idTokenClaims: Readonly<Record<string, unknown>>;
  readonly userInfo: Readonly<Record<string, unknown>>;
}

export interface Session {
  readonly pending?: PendingSignIn;
  readonly signedIn?: SignedIn;
}

const COOKIE = 'demo_app_session';
const MOST_SESSIONS = 1_000;

/** Browser sessions, in memory: they end with the process. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();

  get(request: IncomingMessage): Session {
    return this.#sessions.get(this.#id(request)) ?? {};
  }

  /** Replaces the browser's session, under a new id (a fixed or stolen id is worth nothing after sign-in). */
  replace(request: IncomingMessage, response: ServerResponse, session: Session): void {
    this.#sessions.delete(this.#id(request));
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined && this.#sessions.size >= MOST_SESSIONS) this.#sessions.delete(oldest);
    const id = randomBytes(24).toString('base64url');
    this.#sessions.set(id, session);
    response.setHeader('set-cookie', `${COOKIE}=${id}; Path=/; HttpOnly; SameSite=Lax`);
  }

  #id(request: IncomingMessage): string {
    const cookies = (request.headers.cookie ?? '').split('; ').map((pair) => pair.split('='));
    return cookies.find(([name]) => name === COOKIE)?.[1] ?? '';
  }
}
