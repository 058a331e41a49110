// Prints which clients the tests run against the server, and fails where one is not what package.json
// asks for: `node versions.mjs <base url>`.
import { readFileSync } from 'node:fs';
import { ElizaClient } from '@elizaos/api-client';

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const { dependencies, unpacked } = read('package.json');
const wanted = [
  ...Object.keys(dependencies).map((name) => [name, read(`node_modules/${name}/package.json`).version, dependencies[name]]),
  ...Object.keys(unpacked).map((name) => [name, read(`unpacked/${name}/package.json`).version, unpacked[name].version]),
];
for (const [name, found, version] of wanted) {
  console.log(`${name} ${found}`);
  // What stands in for a package has the version of that.
  if (found !== version && !version.startsWith('file:')) {
    process.exitCode = 1;
  }
}
const { message } = await ElizaClient.create({ baseUrl: process.argv[2] }).server.hello();
console.log(`the server says: ${message}`);
