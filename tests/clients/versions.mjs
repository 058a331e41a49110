// Prints which clients the tests run, and fails where one is not what package.json asks for.
import { readFileSync } from 'node:fs';

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
