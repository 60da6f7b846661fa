import { z } from 'zod';
import { port } from '#libs/platform/configuration.js';

/** The demo's settings, by the names of the environment variables they come from (for `readConfiguration`). */
export const demoSettings = {
  LIGATURE_ISSUER: z.url().default('http://localhost:3000'),
  DEMO_ACME_PORT: port(3200),
  DEMO_CORP_PORT: port(3201),
  DEMO_GLOBEX_PORT: port(3202),
  DEMO_APP_PORT: port(3100),
  DEMO_MANAGEMENT_PORT: port(9003),
  // Fit for the demo on loopback only; `npm start` makes its own.
  DEMO_ACME_CLIENT_SECRET: z.string().default('acme-development-secret'),
  DEMO_GLOBEX_CLIENT_SECRET: z.string().default('globex-development-secret'),
  DEMO_APP_CLIENT_SECRET: z.string().default('demo-app-development-secret'),
};
