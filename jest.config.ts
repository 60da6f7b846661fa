import type { Config } from 'jest';

/**
 * One runner for every tier: `*.unit.spec.ts` (pure), `*.int.spec.ts` (own PostgreSQL database and event store) and
 * `*.e2e.spec.ts` (real processes, HTTP, a browser). `scripts/test.mjs` builds first and hands the tests one PostgreSQL
 * server, on a free port.
 */
const config: Config = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/{apps,libs,projections,test-support,scripts}/**/*.{unit,int,e2e}.spec.{ts,tsx}'],
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.tsx?$': '@swc/jest',
  },
  moduleNameMapper: {
    '^#(libs|projections|apps|test-support)/(.*)\\.js$': '<rootDir>/$1/$2',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.ligature'],
  globalSetup: '<rootDir>/test-support/jest/global-setup.mjs',
  globalTeardown: '<rootDir>/test-support/jest/global-teardown.mjs',
  // Tests wait for processes and databases more than they compute: a core that Jest would leave idle is used too.
  maxWorkers: '100%',
  testTimeout: 30_000,
};

export default config;
