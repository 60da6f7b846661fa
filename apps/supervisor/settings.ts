import { resolve } from 'node:path';
import { z } from 'zod';
import { port, readConfiguration } from '#libs/platform/configuration.js';
import type { PortSetting } from './ports.js';

const ports = {
  IDENTITY_PORT: port(3000),
  IDENTITY_MANAGEMENT_PORT: port(9000),
  PROJECTOR_MANAGEMENT_PORT: port(9001),
  EVENT_STORE_PORT: port(2113),
  EVENT_STORE_MANAGEMENT_PORT: port(9002),
  DEMO_APP_PORT: port(3100),
  DEMO_ACME_PORT: port(3200),
  DEMO_CORP_PORT: port(3201),
  DEMO_GLOBEX_PORT: port(3202),
  DEMO_MANAGEMENT_PORT: port(9003),
};

export type Ports = { readonly [name in keyof typeof ports]: number };

export interface Settings {
  /** Absolute; `.ligature` in the checkout unless told. */
  readonly dataDirectory: string;
  readonly ports: Ports;
  /**
   * The ports as a list, for checking. PostgreSQL's is not among them: a server of ours that was left behind may hold
   * it.
   */
  readonly portSettings: readonly PortSetting[];
  readonly postgresPort: number;
  readonly issuer: string;
}

/** @throws ConfigurationError naming every mistake at once */
export const readSettings = (environment: NodeJS.ProcessEnv, root: string): Settings => {
  const { LIGATURE_DATA_DIR, LIGATURE_ISSUER, POSTGRES_PORT, ...chosen } = readConfiguration(
    {
      ...ports,
      POSTGRES_PORT: port(54_329),
      LIGATURE_DATA_DIR: z.string().default('.ligature'),
      LIGATURE_ISSUER: z.url().optional(),
    },
    environment,
  );
  return {
    dataDirectory: resolve(root, LIGATURE_DATA_DIR),
    ports: chosen,
    portSettings: Object.entries(chosen).map(([variable, number]) => ({ variable, port: number })),
    postgresPort: POSTGRES_PORT,
    issuer: LIGATURE_ISSUER ?? `http://localhost:${chosen.IDENTITY_PORT}`,
  };
};
