// `npm run docs`: writes into the documentation what comes from the code. Tests fail when it is out of date.
import './require-node.mjs';
import { readFileSync, writeFileSync } from 'node:fs';

const { withLoginTable } = await import('../dist/libs/linking/login-table-markdown.js');
const page = new URL('../docs/linking.md', import.meta.url);
writeFileSync(page, withLoginTable(readFileSync(page, 'utf8')));
