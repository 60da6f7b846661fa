/**
 * Forgets the entries of a map that stand first in it, beyond a number of them.
 * @returns the value of the last that was forgotten
 */
export const forgetOldest = <Key, Value>(map: Map<Key, Value>, most: number): Value | undefined => {
  let last: Value | undefined;
  for (const [key, value] of map) {
    if (map.size <= most) break;
    map.delete(key);
    last = value;
  }
  return last;
};
