import { z } from 'zod';

/** The environment is not usable; every mistake is named at once. */
export class ConfigurationError extends Error {
  readonly code = 'configuration_invalid';
  constructor(mistakes: readonly string[]) {
    super(`The configuration cannot be used:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`);
  }
}

/**
 * Reads the variables that a process needs. Values never appear in the message: they may be secrets.
 * @throws {ConfigurationError}
 */
export const readConfiguration = <Shape extends z.ZodRawShape>(
  shape: Shape,
  environment: NodeJS.ProcessEnv = process.env,
): z.output<z.ZodObject<Shape>> => {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = z.object(shape).safeParse(present);
  if (result.success) return result.data;
  throw new ConfigurationError(
    result.error.issues.map(({ path, message, code, input }) => {
      const missing = code === 'invalid_type' && input === undefined && !(String(path[0]) in present);
      return `${path.join('.')}: ${missing ? 'is not set' : message}`;
    }),
  );
};

/** 32 random bytes in base64, e.g. from `openssl rand -base64 32`. */
export const secret32 = z
  .string()
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((bytes) => bytes.length === 32, 'must be 32 bytes in base64 (openssl rand -base64 32)');

/** The key that wraps all others, and the one before it while they are rewrapped. */
export const masterKeyShape = {
  LIGATURE_MASTER_KEY: secret32,
  LIGATURE_MASTER_KEY_PREVIOUS: secret32.optional(),
} as const;

export const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);

export const postgresUrl = z.url({
  protocol: /^postgres(ql)?$/,
  error: 'must look like postgres://user:password@host:5432/ligature',
});

export const eventStoreUrl = z.string().regex(/^esdb(\+discover)?:\/\//, 'must look like esdb://host:2113');
