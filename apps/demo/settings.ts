import { z } from 'zod';

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);

const schema = z.object({
  LIGATURE_ISSUER: z.url().default('http://localhost:3000'),
  DEMO_ACME_PORT: port(3200),
  DEMO_GLOBEX_PORT: port(3202),
  DEMO_APP_PORT: port(3100),
  DEMO_MANAGEMENT_PORT: port(9003),
  // Fit for the demo on loopback only; `npm start` makes its own.
  DEMO_ACME_CLIENT_SECRET: z.string().min(1).default('acme-development-secret'),
  DEMO_GLOBEX_CLIENT_SECRET: z.string().min(1).default('globex-development-secret'),
  DEMO_APP_CLIENT_SECRET: z.string().min(1).default('demo-app-development-secret'),
});

/** The demo's settings, by the names of the environment variables they come from. */
export type DemoSettings = z.infer<typeof schema>;

/** @throws Error naming every mistake at once */
export const readSettings = (environment: NodeJS.ProcessEnv): DemoSettings => {
  const result = schema.safeParse(environment);
  if (result.success) return result.data;
  throw new Error(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'));
};
