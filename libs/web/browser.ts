import { createParamDecorator, Inject, Injectable } from '@nestjs/common';
import type { ExecutionContext, PipeTransform } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Actor, CommandContext } from '#libs/event-store/event-metadata.js';
import { newUuid } from '#libs/platform/ids.js';
import { brandAnswer } from './branding.js';
import type { Branding } from './branding.js';
import { browserIdOf, ensureBrowserId } from './browser-binding.js';
import { readCookie, setCookie } from './cookies.js';
import type { CookiePolicy } from './cookies.js';
import type { CsrfTokens } from './csrf.js';
import type { Language } from './messages.js';
import { languageOfAnswer, preferUiLocales } from './locale.js';
import { contextOf } from './request-context.js';

/** What browsers are recognized by. Provided by the application. */
export abstract class BrowserSecurity {
  abstract readonly cookies: CookiePolicy;
  abstract readonly csrf: CsrfTokens;
}

/** The browser that sent a request: what it is known by, and what its answer carries beside the body. */
export class Browser {
  constructor(
    private readonly security: BrowserSecurity,
    /** For what keeps cookies of its own. */
    readonly request: Request,
    readonly response: Response,
  ) {}

  get path(): string {
    return this.request.path;
  }

  get method(): string {
    return this.request.method;
  }

  /** Where the request comes from; behind proxies, what the trusted ones say. */
  get address(): string | undefined {
    return this.request.ip;
  }

  /** The browser's random id; given to it where it has none. */
  get id(): string {
    return ensureBrowserId(this.request, this.response, this.security.cookies);
  }

  /** A token for a form of this browser (OWASP, signed double submit). @param scope what the form belongs to */
  issueCsrf(scope: string): string {
    return this.security.csrf.issue(this.id, scope);
  }

  /** Whether this browser was issued the token for a form of this scope. */
  holdsCsrf(token: unknown, scope: string): boolean {
    return this.security.csrf.verify(token, browserIdOf(this.request, this.security.cookies), scope);
  }

  cookie(base: string): string | undefined {
    return readCookie(this.request, this.security.cookies.name(base));
  }

  /** A cookie that scripts cannot read, for the browser session. @param path `/` by default; where it is sent to */
  setCookie(base: string, value: string, path?: string): void {
    setCookie(this.response, this.security.cookies, base, value, path === undefined ? {} : { path });
  }

  /** The language of the answer. */
  get language(): Language {
    return languageOfAnswer(this.response);
  }

  /** The answer is in what the running interaction asked for (OIDC Core 3.1.2.1, `ui_locales`). */
  preferLocales(uiLocales: string | undefined): void {
    preferUiLocales(this.response, uiLocales);
  }

  /** The answer, an error page included, takes on the look of this organization. */
  brand(branding: Branding | undefined): void {
    brandAnswer(this.response, branding);
  }

  /** What the request brings to the events that it causes. */
  meta(actor: Actor, more?: Pick<CommandContext, 'organizationId' | 'clientId'>): CommandContext {
    return contextOf(this.request, newUuid, actor, more);
  }
}

/** @see Browser */
@Injectable()
export class BrowserPipe implements PipeTransform<ExecutionContext, Browser> {
  constructor(@Inject(BrowserSecurity) private readonly security: BrowserSecurity) {}

  transform(context: ExecutionContext): Browser {
    const http = context.switchToHttp();
    return new Browser(this.security, http.getRequest<Request>(), http.getResponse<Response>());
  }
}

const fromContext = createParamDecorator((_data: unknown, context: ExecutionContext) => context);

/** The browser that sent the request. */
export const CurrentBrowser = (): ParameterDecorator => fromContext(BrowserPipe);
