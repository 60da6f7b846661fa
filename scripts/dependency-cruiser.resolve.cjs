// dependency-cruiser resolves `#libs/…` through package.json "imports", which name dist/. The architecture is checked on the sources.
const { join } = require('node:path');

const root = join(__dirname, '..');
module.exports = {
  resolve: {
    alias: Object.fromEntries(
      ['libs', 'projections', 'apps', 'test-support'].map((folder) => [`#${folder}`, join(root, folder)]),
    ),
    extensionAlias: { '.js': ['.ts', '.tsx', '.js'] },
  },
};
