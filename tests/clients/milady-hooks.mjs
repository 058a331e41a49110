// Finds the modules of what Milady publishes, which are named as bundlers want it: without endings.
//
// Of @elizaos/core they need a log alone here, and get one that keeps silent.
import { existsSync, statSync } from 'node:fs';

const FOLDERS = {
  '@elizaos/app-core': new URL('unpacked/@elizaos/app-core/', import.meta.url),
  '@elizaos/autonomous': new URL('unpacked/@elizaos/autonomous/packages/autonomous/src/', import.meta.url),
};
const SILENT = 'const none = () => {}; export const logger = { debug: none, info: none, warn: none, error: none };';

const isFile = (url) => existsSync(url) && statSync(url).isFile();

/** Says where a module is. */
export async function resolve(specifier, context, next) {
  if (specifier === '@elizaos/core' && context.parentURL?.includes('/unpacked/')) {
    return { url: `data:text/javascript,${encodeURIComponent(SILENT)}`, shortCircuit: true };
  }
  const [name] = /^@elizaos\/[^/]+/.exec(specifier) ?? [];
  const folder = FOLDERS[name];
  const isOurs = specifier.startsWith('.') && context.parentURL?.includes('/unpacked/');
  if (folder === undefined && !isOurs) {
    return next(specifier, context);
  }
  const base = folder === undefined ? new URL(specifier, context.parentURL) : new URL(`.${specifier.slice(name.length)}`, folder);
  const found = ['', '.js', '/index.js'].map((ending) => new URL(`${base.href}${ending}`)).find(isFile);
  return found === undefined ? next(specifier, context) : { url: found.href, shortCircuit: true };
}
