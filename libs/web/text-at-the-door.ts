import type { NextFunction, Request, Response } from 'express';
import { isText, readable, unfitPath } from '#libs/platform/text.js';
import { RefusedText, WrongMediaType } from './refused.js';

const FORM = 'application/x-www-form-urlencoded';
const isApi = ({ path }: Request): boolean => path.startsWith('/api/');

/** What providers send a browser with is theirs: garbled text of theirs refuses no sign-in by itself. */
const isFromProvider = ({ path }: Request): boolean => path.startsWith('/providers/');

const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

const decodedPath = ({ path }: Request): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    // Express refuses it by itself where a route takes a part of it.
    return '';
  }
};

/** Pages take forms, and nothing else: what a form cannot say, no page is to be told. Before bodies are read. */
export const formsOnly = (request: Request, _response: Response, next: NextFunction): void => {
  if (isApi(request) || !hasBody(request) || request.is(FORM)) return next();
  next(new WrongMediaType());
};

/**
 * Every path, query and body keeps the rule for text before a handler sees it (security row T1). What came by way of an
 * external provider is made readable instead. After bodies are read.
 */
export const textAtTheDoor = (request: Request, _response: Response, next: NextFunction): void => {
  if (isFromProvider(request)) {
    request.body = readable<unknown>(request.body);
    // Express 5 parses the query at each access.
    Object.defineProperty(request, 'query', { value: readable(request.query), configurable: true });
    return next();
  }
  const found = isText(decodedPath(request)) ? (unfitPath(request.query) ?? unfitPath(request.body)) : '';
  if (found === undefined) return next();
  next(new RefusedText(found));
};
