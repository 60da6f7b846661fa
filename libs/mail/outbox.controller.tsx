import { Controller, Get, Inject, Module, NotFoundException, Req, Res } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Public } from '#libs/web/access/access.js';
import { sendPage } from '#libs/web/send-page.js';
import { listOutbox } from './outbox-mailer.js';
import { OutboxPage } from './outbox-page.js';

export interface OutboxSettings {
  readonly directory: string;
  readonly issuer: string;
}

const OUTBOX_SETTINGS = Symbol('OutboxSettings');

/**
 * Shows what was mailed, so that the embedded default can be tried without a mail server. It opens every account: never
 * in production.
 */
@Controller('/dev/outbox')
@Public()
export class OutboxController {
  constructor(@Inject(OUTBOX_SETTINGS) private readonly settings: OutboxSettings) {}

  @Get()
  async show(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { directory, issuer } = this.settings;
    // Another site whose name was pointed at this machine (DNS rebinding) must not read it.
    if (request.get('host') !== new URL(issuer).host) throw new NotFoundException();
    sendPage(response, <OutboxPage mails={await listOutbox(directory)} issuer={issuer} />);
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
