const NEEDS_ESCAPING = /["\\]/;

/**
 * A list of texts as a parameter of PostgreSQL: an array literal ("8.15.2. Array Value Input") where none of them has
 * to be escaped, as is true of ids and names of ours; else the list itself, which the driver writes as the same
 * literal. It escapes value by value, which in a long batch takes longer than all else that is done to a row here.
 */
export const textArray = (values: readonly (string | null)[]): string | readonly (string | null)[] => {
  if (values.length === 0 || values.includes(null)) return values;
  return NEEDS_ESCAPING.test(values.join('')) ? values : `{"${values.join('","')}"}`;
};
