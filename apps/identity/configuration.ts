import { z } from 'zod';
import { isSecureOrLoopback } from '#libs/platform/secure-url.js';
import { passwordShape } from '#libs/users/passwords.js';
import { httpPolicyShape } from '#libs/platform/http-policy.js';
import { limitsSchema } from '#libs/throttling/throttles.js';
import { mailShape } from '#libs/mail/mailer-from.js';
import {
  eventStoreUrl,
  masterKeyShape,
  port,
  postgresUrl,
  readConfiguration,
  secret32,
} from '#libs/platform/configuration.js';

const issuer = z
  .string()
  .refine(isSecureOrLoopback, 'must be https (http on a loopback host only)')
  .refine(
    (url) => !URL.canParse(url) || url === new URL(url).origin,
    'must be an origin, such as https://id.example.org, without a path or a slash at its end',
  );

/** The identity server's environment; docs/operating.md explains each variable. */
export const readIdentityConfiguration = (environment: NodeJS.ProcessEnv) => {
  const config = readConfiguration(
    {
      DATABASE_URL: postgresUrl,
      EVENTSTORE_URL: eventStoreUrl,
      LIGATURE_ISSUER: issuer,
      ...httpPolicyShape,
      ...masterKeyShape,
      LIGATURE_INDEX_SECRET: secret32,
      LIGATURE_COOKIE_SECRET: secret32,
      ...mailShape,
      ...passwordShape,
      LIGATURE_LIMITS: limitsSchema,
      LIGATURE_TRUSTED_PROXIES: z
        .string()
        .transform((list) => list.split(',').map((entry) => entry.trim()))
        .optional(),
      IDENTITY_PORT: port(3000),
      IDENTITY_HOST: z.string().default('127.0.0.1'),
      IDENTITY_MANAGEMENT_PORT: port(9000),
    },
    environment,
  );
  return config;
};

export type IdentityConfiguration = ReturnType<typeof readIdentityConfiguration>;
