import { createHash } from 'node:crypto';
import type { VNode } from 'preact';
import { page } from './answer.js';
import type { PageAnswer } from './answer.js';

// No character in it that a page would escape: the browser hashes what it is sent.
const SCRIPT = 'document.forms[0].submit()';
const SCRIPT_HASH = `sha256-${createHash('sha256').update(SCRIPT).digest('base64')}`;

/** Posts the page's form as soon as it is there. The form has a button, for whoever runs no script. */
export const SubmitAtOnce = (): VNode => <script>{SCRIPT}</script>;

/**
 * A page whose only form is posted to another site by the one script that the page may run (security.md, "Server").
 * @param target the origin that the form is posted to
 */
export const selfSubmittingPage = (view: VNode, target: string): PageAnswer =>
  page(view, { formTargets: [target], scriptHash: SCRIPT_HASH });
