import { Body, Query } from '@nestjs/common';
import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { mistakeOf } from '#libs/platform/query-mistake.js';
import type { QueryMistake } from '#libs/platform/query-mistake.js';
import { RefusedCall } from './refused.js';

/** A mistake in what a caller sent, in words for the caller. */
export interface Mistake {
  readonly path: string;
  readonly message: string;
}

export const mistakesOf = ({ issues }: z.ZodError): readonly Mistake[] =>
  issues.map(({ path, message }) => ({ path: path.join('.'), message }));

const parsedBy = <Schema extends z.ZodType>(schema: Schema, refuse: (error: z.ZodError) => Error): PipeTransform => ({
  transform: (value: unknown): z.output<Schema> => {
    const parsed = schema.safeParse(value ?? {});
    if (!parsed.success) throw refuse(parsed.error);
    return parsed.data;
  },
});

/** The body of an API call, as the schema reads it. @throws {RefusedCall} 400 `body_invalid` with every mistake */
export const ZodBody = (schema: z.ZodType): ParameterDecorator =>
  Body(
    parsedBy(schema, (error) => {
      const mistakes = mistakesOf(error);
      return new RefusedCall(400, 'body_invalid', 'The body cannot be used; nothing was changed', { mistakes });
    }),
  );

export const refusedQuery = (mistake: QueryMistake): RefusedCall =>
  new RefusedCall(400, 'query_invalid', 'The query cannot be used', { ...mistake });

/** The query of an API call, as the schema reads it. @throws {RefusedCall} 400 `query_invalid` with the first mistake */
export const ZodQuery = (schema: z.ZodType): ParameterDecorator =>
  Query(parsedBy(schema, (error) => refusedQuery(mistakeOf(error))));
