// Installs the packages that package.json names, here: `node install.mjs`. Nothing of theirs is run.
//
// What it lists as `unpacked` is only unpacked, without the many packages that it was built from.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';

const npm = (...args) => execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

const { unpacked } = JSON.parse(readFileSync('package.json', 'utf8'));
npm('ci', '--ignore-scripts', '--loglevel=error');
rmSync('unpacked', { recursive: true, force: true });
for (const [name, { version, integrity }] of Object.entries(unpacked)) {
  const folder = `unpacked/${name}`;
  mkdirSync(folder, { recursive: true });
  const packed = npm('pack', `${name}@${version}`, '--json', '--loglevel=error', `--pack-destination=${folder}`);
  const file = `${folder}/${JSON.parse(packed)[0].filename}`;
  const found = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (found !== integrity) {
    throw new Error(`${name}@${version} is not what it was: ${found}`);
  }
  execFileSync('tar', ['-xzf', file, '--strip-components=1', '-C', folder]);
  rmSync(file);
}
