/** A `${VARIABLE}` of a configuration file that is not set. */
export class UnsetVariablesError extends Error {
  constructor(readonly names: readonly string[]) {
    super(`not set: ${names.join(', ')}`);
  }
}

/** Replaces `${VARIABLE}` by the environment's value. @throws {UnsetVariablesError} naming every one that is not set */
export const interpolate = (text: string, environment: NodeJS.ProcessEnv): string => {
  const unset = new Set<string>();
  const result = text.replaceAll(/\$\{([A-Z][A-Z0-9_]*)\}/g, (_, name: string) => {
    const value = environment[name];
    if (value === undefined) unset.add(name);
    return value ?? '';
  });
  if (unset.size > 0) throw new UnsetVariablesError([...unset]);
  return result;
};
