import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('bin/ligature.js', () => {
  let checkout: string;
  const run = (environment: Record<string, string> = {}, ...args: string[]) =>
    spawnSync(process.execPath, [join(checkout, 'bin/ligature.js'), ...args], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...environment },
    });

  beforeAll(() => {
    checkout = mkdtempSync(join(tmpdir(), 'ligature-checkout-'));
    cpSync('bin', join(checkout, 'bin'), { recursive: true });
    writeFileSync(join(checkout, 'package.json'), '{"type":"module"}');
  });
  afterAll(() => rmSync(checkout, { recursive: true, force: true }));

  it('says what to run, with exit code 2, when nothing is built', () => {
    const { status, stderr } = run();
    expect([status, stderr]).toEqual([2, expect.stringContaining('Run "npm run build"')]);
  });

  it('gives the command line what npm start keeps beside its data, but never over what is set', () => {
    mkdirSync(join(checkout, 'dist/apps/cli'), { recursive: true });
    writeFileSync(
      join(checkout, 'dist/apps/cli/main.js'),
      `console.log(process.argv.slice(2).join(' '), process.env.A, process.env.B, process.env.C);`,
    );
    mkdirSync(join(checkout, '.ligature'));
    writeFileSync(join(checkout, '.ligature/ligature.env'), 'A=from=file\nB=from file\n# C=no\n');
    expect(run({ B: 'from the shell' }, 'history', 'user').stdout).toBe(
      'history user from=file from the shell undefined\n',
    );
    mkdirSync(join(checkout, 'elsewhere'));
    writeFileSync(join(checkout, 'elsewhere/ligature.env'), 'A=elsewhere\n');
    expect(run({ LIGATURE_DATA_DIR: 'elsewhere' }).stdout).toBe(' elsewhere undefined undefined\n');
  });

  it('starts with a line that lets npx run it', () => {
    expect(readFileSync(join(checkout, 'bin/ligature.js'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });
});
