import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NpmStart } from '#test-support/npm-start.js';

/** Every configuration file that the documentation shows, as an operator would copy it. */
const examples = readdirSync('docs')
  .filter((file) => file.endsWith('.md'))
  .flatMap((file) =>
    [...readFileSync(join('docs', file), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, yaml = ''], i) => ({
      name: `${file}, example ${i + 1}`,
      yaml,
    })),
  )
  .filter(({ yaml }) => /^(identityProviders|organizations|relyingParties):/m.test(yaml))
  // Parts of a file first, with the organization that they belong to; a whole file is the last.
  .map((example) =>
    /^organizations:/m.test(example.yaml)
      ? { ...example, whole: true }
      : { ...example, whole: false, yaml: `${example.yaml}\norganizations: [{ id: default, displayName: Mine }]\n` },
  )
  .toSorted((a, b) => Number(a.whole) - Number(b.whole));

/** Connects to the event store as anybody on this machine can, and says how its append ends. */
const APPEND = `
  import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
  const client = EventStoreDBClient.connectionString(process.env.URL);
  const event = jsonEvent({ type: 'ExternalIdentityLinked', data: {} });
  const outcome = await client.appendToStream('user-x', event).then(() => 'stored', (error) => error.type ?? 'refused');
  console.log(outcome);
  process.exit(0);
`;

const NOBODY = 65_534;

describe('npm start', () => {
  let system: NpmStart;
  beforeAll(async () => {
    for (const { yaml } of examples)
      for (const [, secret = ''] of yaml.matchAll(/\{ env: (\w+) \}/g)) process.env[secret] = `a secret for ${secret}`;
    system = await NpmStart.prepare();
    await system.start();
  }, 120_000);
  afterAll(async () => {
    await system.stop();
    rmSync(system.dataDirectory, { recursive: true, force: true });
  }, 60_000);

  it('E4: the event store takes nothing from a local process without its password', () => {
    const port = system.port('EVENT_STORE_PORT');
    const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    const append = (url: string): string =>
      execFileSync(process.execPath, ['--input-type=module', '-e', APPEND], {
        ...asNobody,
        env: { URL: url },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    // The certificate is what every server shows to everybody.
    const certificate = join(mkdtempSync(join(tmpdir(), 'ligature-certificate-')), 'certificate.pem');
    copyFileSync(join(system.dataDirectory, 'event-store/certificate.pem'), certificate);
    chmodSync(certificate, 0o644);
    chmodSync(dirname(certificate), 0o755);
    const tls = `?tls=true&tlsCAFile=${certificate}`;
    expect([append(`esdb://localhost:${port}${tls}`), append(`esdb://ligature:guess@localhost:${port}${tls}`)]).toEqual(
      ['access-denied', 'access-denied'],
    );
    expect(append(`esdb://localhost:${port}?tls=false`)).not.toBe('stored');
    rmSync(dirname(certificate), { recursive: true });
  });

  it('E4: what opens the event store and the accounts is readable by nobody else', () => {
    for (const file of ['secrets.json', 'ligature.env', 'event-store/key.pem'])
      expect([file, statSync(join(system.dataDirectory, file)).mode & 0o077]).toEqual([file, 0]);
  });

  it('E1: its own account may append and read, and delete nothing', () => {
    const url =
      /^EVENTSTORE_URL=(.*)$/m.exec(readFileSync(join(system.dataDirectory, 'ligature.env'), 'utf8'))?.[1] ?? '';
    const DELETE = APPEND.replace(`appendToStream('user-x', event)`, `deleteStream('organization-default')`);
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', DELETE], {
      env: { URL: url },
      encoding: 'utf8',
    });
    expect(said.trim()).toBe('access-denied');
  });

  it('comes up again after every configuration file of the documentation was applied', async () => {
    expect(examples.map(({ name }) => name)).toContain('getting-started.md, example 1');
    for (const { name, yaml } of examples) {
      const file = join(system.dataDirectory, 'example.yaml');
      writeFileSync(file, yaml);
      const applied = await system.cli('config', 'apply', file);
      expect([name, applied.exitCode, applied.exitCode === 0 ? '' : applied.stderr]).toEqual([name, 0, '']);
    }
    const before = await system.cli('providers', 'list', '--json');
    await system.stop();
    await system.start();
    expect(await system.cli('providers', 'list', '--json')).toEqual(before);
    const answer = await fetch(`http://localhost:${system.port('IDENTITY_PORT')}/sign-in`);
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('Example')]);
  }, 240_000);
});
