import type { VNode } from 'preact';
import type { PageOptions } from './send-page.js';

/** A page of ours, in the language and the look of the answer. */
export class PageAnswer {
  constructor(
    readonly view: VNode,
    readonly options: PageOptions = {},
  ) {}
}

/** Leads the browser elsewhere, by GET (303: RFC 9110, section 15.4.4). */
export class RedirectAnswer {
  constructor(readonly location: string) {}
}

/** A file of ours that is the same for every caller, and may be kept for an hour. */
export class AssetAnswer {
  /** @param type as a file name extension */
  constructor(
    readonly type: string,
    readonly content: string,
  ) {}
}

/** What an API call is answered with, where it is not plain JSON with 200. */
export class ApiAnswer {
  constructor(
    readonly status: number,
    readonly body: object,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {}
}

export const page = (view: VNode, options?: PageOptions): PageAnswer => new PageAnswer(view, options);
export const redirect = (location: string): RedirectAnswer => new RedirectAnswer(location);
