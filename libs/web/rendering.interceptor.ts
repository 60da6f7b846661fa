import { Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { Response } from 'express';
import { map } from 'rxjs';
import type { Observable } from 'rxjs';
import { ApiAnswer, AssetAnswer, PageAnswer, RedirectAnswer } from './answer.js';
import { preparePage } from './send-page.js';

/**
 * Turns what a handler returns into HTTP: a page, a redirect, JSON that no cache may keep (RFC 9111, section 5.2.2.5),
 * or 204 where there is no content.
 */
@Injectable()
export class RenderingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, handler: CallHandler): Observable<unknown> {
    const response = context.switchToHttp().getResponse<Response>();
    return handler.handle().pipe(map((value: unknown) => bodyOf(value, response)));
  }
}

/** @returns the body; status and headers are set on the response */
export const bodyOf = (value: unknown, response: Response): unknown => {
  // A handler that streams has answered by itself.
  if (response.headersSent) return value;
  if (value instanceof PageAnswer) return preparePage(response, value.view, value.options);
  if (value instanceof RedirectAnswer) {
    response.status(303).location(value.location);
    return undefined;
  }
  if (value instanceof AssetAnswer) {
    response.type(value.type).set({ 'cache-control': 'public, max-age=3600', 'x-content-type-options': 'nosniff' });
    return value.content;
  }
  if (value instanceof ApiAnswer) {
    response.status(value.status).set({ 'cache-control': 'no-store', ...value.headers });
    return value.body;
  }
  if (value === undefined) response.status(204);
  else response.status(200).set('cache-control', 'no-store');
  return value;
};
