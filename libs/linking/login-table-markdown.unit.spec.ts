import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { withLoginTable } from './login-table-markdown.js';

it('docs/linking.md shows the table that decides (run "npm run docs" after a change)', () => {
  const page = readFileSync('docs/linking.md', 'utf8');
  expect(page).toBe(withLoginTable(page));
});
