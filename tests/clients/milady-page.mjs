// A page with what the dashboard of Milady keeps and does, unchanged, and without what it draws: a
// browser cannot load the published modules as they are, so this serves them to it.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const UNPACKED = new URL('unpacked/@elizaos/', import.meta.url);

/** The parts of React that the dashboard needs, and what each of them needs. */
const REACT = {
  react: ['react/cjs/react.production.js', []],
  'react/jsx-runtime': ['react/cjs/react-jsx-runtime.production.js', ['react']],
  scheduler: ['scheduler/cjs/scheduler.production.js', []],
  'react-dom': ['react-dom/cjs/react-dom.production.js', ['react']],
  'react-dom/client': ['react-dom/cjs/react-dom-client.production.js', ['scheduler', 'react', 'react-dom']],
};

/** What stands in for packages that matter on telephones, and for pictures. */
const STUBS = {
  '@capacitor/core': `export const Capacitor = { getPlatform: () => 'web', isNativePlatform: () => false, isPluginAvailable: () => false };
    export const registerPlugin = () => ({});`,
  '@capacitor/haptics': 'export const Haptics = {}; export const ImpactStyle = {}; export const NotificationType = {};',
  '@capacitor/preferences': 'export const Preferences = {};',
  'lucide-react': `export const ${'Brain Clock3 Gamepad2 MessageSquare Radio Settings Share2 Sparkles Wallet'.split(' ').map((name) => `${name} = () => null`).join(', ')};`,
};

/** What a bundler would say of how it was built. */
const BUILT_WITH = JSON.stringify({ MODE: 'production', PROD: true, DEV: false, BASE_URL: '/' });

const IMPORTS = {
  ...Object.fromEntries([...Object.keys(REACT), ...Object.keys(STUBS)].map((name) => [name, `/packages/${name}`])),
  '@elizaos/app-core/': '/unpacked/app-core/',
  '@elizaos/autonomous/': '/unpacked/autonomous/packages/autonomous/src/',
};

/** The page: it shows everything to the script as `seen()`. */
const page = (base, token) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Dashboard</title><div id="root"></div>
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script>globalThis.process = { env: { NODE_ENV: 'production' } };
window.__MILADY_API_BASE__ = ${JSON.stringify(base)};
${token ? `window.__MILADY_API_TOKEN__ = ${JSON.stringify(token)};` : ''}</script>
<script type="module">
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { AppProvider, useApp } from '@elizaos/app-core/state/AppContext';
function Look() {
  const app = useApp();
  window.seen = () => app;
  return createElement('pre', {}, app.startupPhase + ' ' + (app.agentStatus?.state ?? '') + ' ' + (app.actionNotice?.text ?? '') + '\\n'
    + app.conversationMessages.map(({ role, text }) => role + ': ' + text).join('\\n'));
}
createRoot(document.getElementById('root')).render(createElement(AppProvider, {}, createElement(Look)));
</script>`;

/** Serves the page of a server; answers with its address, and with what ends it. */
export async function serve(base, token) {
  const server = createServer((request, response) => {
    const [type, text, place] = answer(new URL(request.url, 'http://localhost').pathname, base, token);
    const status = place === undefined ? (text === undefined ? 404 : 200) : 302;
    response.writeHead(status, { 'Content-Type': type, ...(place === undefined ? {} : { Location: place }) }).end(text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${server.address().port}`, end: () => server.close() };
}

function answer(path, base, token) {
  if (path === '/') {
    return ['text/html', page(base, token)];
  }
  const script = 'text/javascript';
  if (path.startsWith('/packages/')) {
    const name = path.slice('/packages/'.length);
    return [script, STUBS[name] ?? (name in REACT ? asModule(name) : undefined)];
  }
  if (!path.startsWith('/unpacked/')) {
    return ['text/plain', undefined];
  }
  const inside = path.slice('/unpacked/'.length);
  const isFile = (ending) => {
    const url = new URL(inside + ending, UNPACKED);
    return url.href.startsWith(UNPACKED.href) && existsSync(url) && statSync(url).isFile();
  };
  const ending = ['', '.js', '/index.js'].find(isFile);
  if (ending === undefined || ending !== '') {
    // Said aloud, since what a module names it names from where it is.
    return [script, undefined, ending === undefined ? undefined : path + ending];
  }
  const text = readFileSync(new URL(inside, UNPACKED), 'utf8');
  if (inside.endsWith('.json')) {
    return [script, `export default ${text};`];
  }
  return [script, text.includes('import.meta.env') ? `import.meta.env = ${BUILT_WITH};\n${text}` : text];
}

/** A module of the old kind as one of the new kind. */
function asModule(name) {
  const [file, needs] = REACT[name];
  const source = readFileSync(require.resolve(file.split('/')[0] + '/package.json').replace('package.json', file.split('/').slice(1).join('/')), 'utf8');
  const names = Object.keys(require(name)).filter((key) => /^[A-Za-z_]\w*$/.test(key) && key !== 'default');
  return `${needs.map((need, index) => `import need${index} from '${need}';`).join('\n')}
const module = { exports: {} };
const needed = { ${needs.map((need, index) => `'${need}': need${index}`).join(', ')} };
((module, exports, require) => {${source}
})(module, module.exports, (name) => needed[name]);
export default module.exports;
export const { ${names.join(', ')} } = module.exports;`;
}
