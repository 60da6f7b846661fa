import type { Response } from 'express';
import type { ExternalSignIn, ExternalSignInRefusal } from '../external-sign-in.js';

type Begun = Exclude<Awaited<ReturnType<ExternalSignIn['begin']>>, ExternalSignInRefusal>;

/** Sends the browser to the provider at which a flow was begun. */
export const leaveForProvider = (response: Response, begun: Begun): void => response.redirect(303, begun.redirectTo);
