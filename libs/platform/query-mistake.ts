import type { z } from 'zod';

/** The first thing that is wrong with a query: which parameter, and what it must be. */
export interface QueryMistake {
  readonly parameter: string;
  readonly detail: string;
}

export const mistakeOf = ({ issues }: z.ZodError): QueryMistake => {
  const [issue] = issues;
  if (issue?.code === 'unrecognized_keys')
    return { parameter: issue.keys[0] ?? '', detail: `There is no parameter "${issue.keys[0]}".` };
  const parameter = issue?.path.join('.') ?? '';
  return { parameter, detail: `"${parameter}": ${issue?.message}.` };
};
