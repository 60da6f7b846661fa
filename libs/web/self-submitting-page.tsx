import { createHash } from 'node:crypto';
import type { Response } from 'express';
import type { VNode } from 'preact';
import { sendPage } from './send-page.js';

// No character in it that a page would escape: the browser hashes what it is sent.
const SCRIPT = 'document.forms[0].submit()';
const SCRIPT_HASH = `sha256-${createHash('sha256').update(SCRIPT).digest('base64')}`;

/** Posts the page's form as soon as it is there. The form has a button, for whoever runs no script. */
export const SubmitAtOnce = (): VNode => <script>{SCRIPT}</script>;

/**
 * Answers with a page whose only form is posted to another site by the one script that the page may run (security.md,
 * "Server").
 * @param target the origin that the form is posted to
 */
export const sendSelfSubmittingPage = (response: Response, page: VNode, target: string): void =>
  sendPage(response, page, { formTargets: [target], scriptHash: SCRIPT_HASH });
