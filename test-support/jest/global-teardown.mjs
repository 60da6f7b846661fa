import { rmSync } from 'node:fs';

export default async function globalTeardown() {
  const { server, dataDirectory } = globalThis.ligatureTestPostgres;
  await server.stop();
  rmSync(dataDirectory, { recursive: true, force: true });
}
