import type { IncomingMessage, ServerResponse } from 'node:http';
import * as client from 'openid-client';
import type { Logger } from '#libs/platform/logger.js';
import { listen, redirect, sendPage, sendStyle } from '../http.js';
import { problemPage, signedInPage, welcomePage } from './pages.js';
import { Sessions } from './sessions.js';

export interface RelyingAppOptions {
  readonly port: number;
  /** Ligature. */
  readonly issuer: string;
  readonly clientSecret: string;
  readonly logger: Logger;
}

export interface RelyingApp {
  readonly url: string;
  close(): Promise<void>;
}

const CLIENT_ID = 'demo-app';

/** Ligature did not answer its discovery document. */
class IssuerUnreachable extends Error {}

/**
 * The app's registration at Ligature: asked for at the first sign-in, so that the app can start before Ligature; kept
 * once answered.
 */
const lazyRegistration = ({ issuer, clientSecret }: RelyingAppOptions): (() => Promise<client.Configuration>) => {
  let known: client.Configuration | undefined;
  // The demo runs on http, on loopback.
  const options = { execute: [client.allowInsecureRequests] };
  return async () => {
    try {
      return (known ??= await client.discovery(
        new URL(issuer),
        CLIENT_ID,
        {},
        client.ClientSecretBasic(clientSecret),
        options,
      ));
    } catch (error) {
      throw new IssuerUnreachable((error as Error).message);
    }
  };
};

/** A relying app that signs people in with Ligature and shows what it learns about them. */
export const startRelyingApp = async (options: RelyingAppOptions): Promise<RelyingApp> => {
  const { issuer, logger } = options;
  const server = await listen(options.port);
  const sessions = new Sessions();
  const registration = lazyRegistration(options);
  const redirectUri = `${server.url}/callback`;
  const home = `${server.url}/`;

  const showHome = (request: IncomingMessage, response: ServerResponse): void => {
    const { signedIn } = sessions.get(request);
    sendPage(response, 200, signedIn ? signedInPage({ signedIn, accountUrl: `${issuer}/account` }) : welcomePage());
  };

  const signIn = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const config = await registration();
    const pending = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      codeVerifier: client.randomPKCECodeVerifier(),
    };
    const target = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid profile email',
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(pending.codeVerifier),
      code_challenge_method: 'S256',
    });
    sessions.replace(request, response, { pending });
    redirect(response, target.href);
  };

  const callback = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pending } = sessions.get(request);
    if (!pending)
      return sendPage(
        response,
        400,
        problemPage({ code: 'no_sign_in_pending', message: 'This browser has no sign-in under way.' }),
      );
    sessions.replace(request, response, {});
    const config = await registration();
    const tokens = await client.authorizationCodeGrant(config, new URL(request.url ?? '', server.url), {
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      pkceCodeVerifier: pending.codeVerifier,
      idTokenExpected: true,
    });
    const idTokenClaims = { ...tokens.claims() };
    const userInfo = await client.fetchUserInfo(config, tokens.access_token, String(idTokenClaims.sub));
    sessions.replace(request, response, { signedIn: { idToken: tokens.id_token ?? '', idTokenClaims, userInfo } });
    redirect(response, home);
  };

  const signOut = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { signedIn } = sessions.get(request);
    sessions.replace(request, response, {});
    if (!signedIn) return redirect(response, home);
    const target = client.buildEndSessionUrl(await registration(), {
      post_logout_redirect_uri: home,
      id_token_hint: signedIn.idToken,
    });
    redirect(response, target.href);
  };

  const problemOf = (error: unknown): { status: number; code: string; message: string } => {
    if (error instanceof IssuerUnreachable)
      return {
        status: 502,
        code: 'ligature_unreachable',
        message: 'Ligature could not be reached. Try again in a moment.',
      };
    if (error instanceof client.AuthorizationResponseError)
      return { status: 400, code: error.error, message: error.error_description ?? 'Ligature did not sign you in.' };
    return { status: 400, code: 'sign_in_failed', message: 'The answer of Ligature was refused.' };
  };

  const routes: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void | Promise<void>>> =
    {
      'GET /': showHome,
      'GET /style.css': (_request, response) => sendStyle(response),
      'GET /sign-in': signIn,
      'GET /callback': callback,
      'POST /sign-out': signOut,
    };

  server.handle((request, response) => {
    const route = routes[`${request.method} ${new URL(request.url ?? '/', server.url).pathname}`];
    if (!route)
      return sendPage(response, 404, problemPage({ code: 'not_found', message: 'There is no such page here.' }));
    Promise.resolve(route(request, response)).catch((error: unknown) => {
      const { status, code, message } = problemOf(error);
      logger.info({ code, reason: (error as Error).message }, 'sign-in failed');
      sendPage(response, status, problemPage({ code, message }));
    });
  });
  return { url: server.url, close: () => server.close() };
};
