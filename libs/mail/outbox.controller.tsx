import { Controller, Get, Inject, Module, NotFoundException, Query } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Public } from '#libs/web/access/access.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { CurrentBrowser } from '#libs/web/browser.js';
import type { Browser } from '#libs/web/browser.js';
import { listOutbox } from './outbox-mailer.js';
import { OutboxPage } from './outbox-page.js';
import { isOutboxToken } from './outbox-token.js';

export interface OutboxSettings {
  readonly directory: string;
  readonly issuer: string;
  /** Known to whoever started the server. */
  readonly token: string;
}

const OUTBOX_SETTINGS = Symbol('OutboxSettings');
const COOKIE = 'ligature_outbox';

/**
 * Shows what was mailed, so that the embedded default can be tried without a mail server. It opens every account, so it
 * asks for a token (security row E4): once in the address, from then on in a cookie. Never in production.
 */
@Controller('/dev/outbox')
@Public()
export class OutboxController {
  constructor(@Inject(OUTBOX_SETTINGS) private readonly settings: OutboxSettings) {}

  @Get()
  async show(@Query('token') given: unknown, @CurrentBrowser() browser: Browser): Promise<PageAnswer | RedirectAnswer> {
    const { directory, issuer, token } = this.settings;
    // Another site whose name was pointed at this machine (DNS rebinding) must not read it.
    if (browser.request.get('host') !== new URL(issuer).host) throw new NotFoundException();
    if (isOutboxToken(given, token)) {
      browser.setCookie(COOKIE, token, '/dev/outbox');
      return redirect('/dev/outbox');
    }
    if (!isOutboxToken(browser.cookie(COOKIE), token)) throw new NotFoundException();
    return page(<OutboxPage mails={await listOutbox(directory)} issuer={issuer} />);
  }
}

@Module({})
export class OutboxModule {
  static of(settings: OutboxSettings): DynamicModule {
    return {
      module: OutboxModule,
      controllers: [OutboxController],
      providers: [{ provide: OUTBOX_SETTINGS, useValue: settings }],
    };
  }
}
