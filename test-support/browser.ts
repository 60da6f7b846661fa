interface Cookie {
  readonly host: string;
  readonly path: string;
  readonly name: string;
  readonly value: string;
}

const MOST_REDIRECTS = 20;

const unescapeHtml = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/**
 * A browser without script and without a window: cookies by host and path (not by port, as in real ones), redirects,
 * forms. For tests of protocol flows over HTTP; what only a real browser knows (SameSite, Content-Security-Policy) is
 * tested with Chromium.
 */
export class Browser {
  /** Of the last page. */
  status = 0;
  html = '';
  url = '';
  headers = new Headers();
  /** What its person prefers to read (RFC 9110, section 12.5.4). */
  language = 'en';
  readonly #cookies = new Map<string, Cookie>();

  /** @param stops addresses at whose prefix a redirect is not followed: whoever would be there is the test itself */
  constructor(private readonly stops: readonly string[] = []) {}

  /** The last page without its tags. */
  get text(): string {
    return unescapeHtml(this.html.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ');
  }

  /** A cookie's value, as this browser would send it to the root of a site. */
  cookie(url: string, name: string): string | undefined {
    return this.#cookies.get(`${new URL(url).hostname} / ${name}`)?.value;
  }

  /** Another browser with the same cookies: whoever stole them. */
  clone(stops = this.stops): Browser {
    const copy = new Browser(stops);
    for (const [key, cookie] of this.#cookies) copy.#cookies.set(key, cookie);
    return copy;
  }

  /** @returns the address it ended at, after redirects */
  open(url: string): Promise<string> {
    return this.#go(url, { method: 'GET' });
  }

  post(url: string, fields: Readonly<Record<string, string>>): Promise<string> {
    return this.#go(url, { method: 'POST', body: new URLSearchParams(fields) });
  }

  /**
   * Posts the last page's form, hidden fields included, with these fields.
   * @param action part of the form's action, where there are several forms
   */
  submit(fields: Readonly<Record<string, string>>, action = ''): Promise<string> {
    const form = [...this.html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)]
      .map(([, attributes = '', content = '']) => ({
        target: this.#attribute(attributes, 'action') ?? this.url,
        content,
      }))
      .find(({ target }) => target.includes(action));
    if (!form) throw new Error(`${this.url} has no form "${action}": ${this.text}`);
    const hidden = [...form.content.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)].map(([tag]): [string, string] => [
      this.#attribute(tag, 'name') ?? '',
      this.#attribute(tag, 'value') ?? '',
    ]);
    return this.post(new URL(form.target, this.url).href, { ...Object.fromEntries(hidden), ...fields });
  }

  #attribute(tag: string, name: string): string | undefined {
    const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
    return value === undefined ? undefined : unescapeHtml(value);
  }

  async #go(url: string, init: RequestInit): Promise<string> {
    let target = url;
    let request = init;
    for (let hop = 0; hop < MOST_REDIRECTS; hop += 1) {
      if (this.stops.some((stop) => target.startsWith(stop))) return target;
      const response = await fetch(target, {
        ...request,
        redirect: 'manual',
        headers: { accept: 'text/html', 'accept-language': this.language, cookie: this.#cookieHeader(target) },
      });
      this.#store(target, response.headers.getSetCookie());
      const location = response.headers.get('location');
      if (location === null || response.status < 300 || response.status > 399) {
        [this.status, this.url, this.html, this.headers] = [
          response.status,
          target,
          await response.text(),
          response.headers,
        ];
        return target;
      }
      await response.body?.cancel();
      target = new URL(location, target).href;
      if (response.status !== 307 && response.status !== 308) request = { method: 'GET' };
    }
    throw new Error(`More than ${MOST_REDIRECTS} redirects, the last to ${target}`);
  }

  #cookieHeader(url: string): string {
    const { hostname, pathname } = new URL(url);
    return [...this.#cookies.values()]
      .filter(
        ({ host, path }) =>
          host === hostname && (pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)),
      )
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  #store(url: string, headers: readonly string[]): void {
    const host = new URL(url).hostname;
    for (const header of headers) {
      const [pair = '', ...attributes] = header.split(/;\s*/);
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      const attribute = (wanted: string): string | undefined =>
        attributes.find((entry) => entry.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
      const path = attribute('path') ?? '/';
      const expires = attribute('expires');
      const gone = attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) <= Date.now());
      const key = `${host} ${path} ${name}`;
      if (gone) this.#cookies.delete(key);
      else this.#cookies.set(key, { host, path, name, value });
    }
  }
}
