import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the code is: the folders beside this one's, compiled or not. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CODE = /(?<!\.d)\.(js|ts|tsx)$/;

/**
 * Names the code that this process runs, by its content: another name means another build, such as a newer release.
 * Dependencies do not count.
 */
export const nameBuild = async (): Promise<string> => {
  const hash = createHash('sha256');
  for (const folder of ['apps', 'libs', 'projections']) {
    const files = (await readdir(join(ROOT, folder), { recursive: true })).filter((file) => CODE.test(file)).sort();
    for (const file of files) hash.update(file).update(await readFile(join(ROOT, folder, file)));
  }
  return hash.digest('hex').slice(0, 16);
};
