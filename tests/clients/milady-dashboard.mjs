// Lets the dashboard of Milady start up in a browser, talk, and look on while the agent thinks:
// `node milady-dashboard.mjs <base url> [token]`. With a token the server has to take it from the
// address of a socket, since that is all that a page can do.
//
// The dashboard is its own, without what it draws: see `milady-page.mjs`. It comes from another origin than
// the server, as where it is developed.
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { Checks } from './checks.mjs';
import { serve } from './milady-page.mjs';
import { ask as asked, connected, ready, until } from './milady-stage.mjs';

const [url, token] = process.argv.slice(2);
const ask = (...request) => asked(url, token, ...request);

/** What it wants for features that are not in use, and does without. */
const SOFT = /\/api\/(avatar|coding-agents|wallet|cloud|drop|registry|update|extension|stream|custom-actions|skills|apps|permissions|subscription)\b/;

/** What it asks for first, in that order; what it asks for beside that may come in between. */
const ORDER = ['GET /api/auth/status', 'GET /api/onboarding/status', 'GET /api/status', 'GET /api/conversations', 'GET /api/plugins', 'GET /api/agent/events'];

const checks = new Checks();
await ready(connected(url, token));
const { address, end } = await serve(url, token);
const folders = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'chromium'));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? folders.find(existsSync), args: ['--no-sandbox'] });
const page = await browser.newPage();
let requests = [];
const frames = [];
watch();
try {
  await startsUp();
  await talks();
  await looksOn();
  await turnsIt();
  await transfers();
  await startsWhatIsStopped();
} catch (error) {
  checks.expect(false, error.message, await seen(({ startupPhase, startupError, agentStatus }) => ({ startupPhase, startupError, agentStatus })).catch(() => null));
}
await browser.close();
end();
checks.report(`the dashboard of Milady${token ? ', with a token' : ''}`);

/** Answers with what the dashboard knows. */
function seen(look, argument) {
  return page.evaluate(`(${look})(window.seen(), ${JSON.stringify(argument ?? null)})`);
}

/** Waits until the dashboard knows it. */
async function knows(what, look, argument) {
  return until(what, async () => seen(look, argument).catch(() => undefined));
}

/** Keeps what is asked, and complains of what goes wrong. */
function watch() {
  const named = (request) => `${request.method()} ${new URL(request.url()).pathname}`;
  const ours = (request) => request.url().startsWith(url);
  page.on('request', (request) => ours(request) && requests.push(named(request)));
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(JSON.parse(payload))));
  page.on('response', (response) => {
    if (ours(response.request()) && response.status() >= 400) {
      const what = `${response.status()}: ${named(response.request())}`;
      checks.expect(SOFT.test(what) && response.status() === 404, `may be refused: ${what}`);
    }
  });
  page.on('requestfailed', (request) => {
    const { errorText } = request.failure();
    checks.expect(!ours(request) || errorText === 'net::ERR_ABORTED', `${errorText}: ${named(request)}`);
  });
  page.on('pageerror', (error) => checks.expect(false, `uncaught: ${error.message}`, error.stack));
  page.on('console', (message) => checks.expect(!/CORS|Access-Control/.test(message.text()), message.text()));
}

async function startsUp() {
  await page.goto(address);
  await knows('the dashboard is ready', ({ startupPhase, onboardingLoading }) => startupPhase === 'ready' && !onboardingLoading);
  await until('it asked for events', () => requests.includes('GET /api/agent/events'));
  const first = ORDER.map((request) => requests.indexOf(request));
  checks.expect(first.every((place, index) => place >= 0 && (index === 0 || place > first[index - 1])), 'it starts up in its order', requests);
  const { error, state, name, required } = await seen(({ startupError, agentStatus, authRequired }) => ({ error: startupError, state: agentStatus.state, name: agentStatus.agentName, required: authRequired }));
  checks.same([error, state, required], [null, 'running', false], 'without a complaint');
  checks.expect(name.length > 0, 'it knows the agent', name);
  await knows('the plugins', ({ plugins }) => plugins.length > 0);
  await knows('the workbench', ({ workbench, workbenchTriggersAvailable }) => workbench !== null && workbenchTriggersAvailable);
  await until('a status over the socket', () => frames.some(({ type }) => type === 'status'));
}

async function talks() {
  await seen((app) => void app.handleNewConversation());
  await knows('a conversation', ({ activeConversationId }) => activeConversationId);
  await seen((app) => void app.sendActionMessage('Hello from the page'));
  const [user, agent] = await knows('an answer', ({ conversationMessages, chatSending }) => {
    const place = conversationMessages.findIndex(({ text }) => text === 'Hello from the page');
    const [user, agent] = conversationMessages.slice(place);
    return !chatSending && agent?.text && [user, agent];
  });
  checks.expect(agent.role === 'assistant' && agent.text.includes('Hello from the page'), 'it talks with the agent', [user, agent]);
  const id = await seen(({ activeConversationId }) => activeConversationId);
  const { body } = await ask('GET', `/api/conversations/${id}/messages`);
  checks.same(body.messages.at(-1).text, agent.text, 'and shows what is kept');
  await seen((app, id) => void app.handleRenameConversation(id, 'Renamed'), id);
  await until('the new title', async () => (await ask('GET', '/api/conversations')).body.conversations.some((one) => one.id === id && one.title === 'Renamed'));
  // What the agent says of itself appears in the conversation that one looks at.
  await ask('POST', '/api/agent/event', { stream: 'assistant', roomId: 'elsewhere', data: { text: 'A ship is in sight.', source: 'autonomy' } });
  await knows('what the agent says of itself', ({ conversationMessages }) => conversationMessages.some(({ text, source }) => text === 'A ship is in sight.' && source === 'autonomy'));
}

async function looksOn() {
  await ask('POST', '/api/agent/autonomy', { enabled: false });
  const before = await seen(({ autonomousEvents }) => autonomousEvents.length);
  await ask('POST', '/api/agent/autonomy', { enabled: true });
  await knows('a tick', ({ autonomousEvents }, before) => autonomousEvents.slice(before).some(({ type }) => type === 'heartbeat_event'), before);
  await ask('POST', '/api/agent/event', { stream: 'system', data: { text: 'note' } });
  await knows('an event', ({ autonomousEvents }) => autonomousEvents.some(({ payload }) => payload.text === 'note'));
  const runs = await seen(({ autonomousRunHealthByRunId }) => Object.values(autonomousRunHealthByRunId));
  checks.expect(runs.length > 0 && runs.every(({ status, missingSeqs }) => status === 'ok' && missingSeqs.length === 0), 'it misses nothing of any run', runs);
  const numbers = await seen(({ autonomousEvents }) => autonomousEvents.map(({ eventId }) => eventId));
  checks.expect(numbers.every((id) => /^evt-\d+$/.test(id)) && new Set(numbers).size === numbers.length, 'its events are numbered', numbers.slice(-5));
}

async function turnsIt() {
  for (const [act, state] of [['handleStop', 'stopped'], ['handleStart', 'running'], ['handleRestart', 'running']]) {
    await knows('at rest', ({ lifecycleBusy }) => !lifecycleBusy);
    await seen((app, act) => void app[act](), act);
    await knows(`${act}: ${state}`, ({ lifecycleBusy, agentStatus }, state) => !lifecycleBusy && agentStatus.state === state, state);
    checks.same((await ask('GET', '/api/status')).body.state, state, `${act}: ${state}`);
  }
}

async function transfers() {
  await seen((app) => void app.setState('exportPassword', 'open sesame'));
  await knows('the password', ({ exportPassword }) => exportPassword !== '');
  const download = page.waitForEvent('download');
  await seen((app) => void app.handleAgentExport());
  const file = await download;
  checks.expect(/\.eliza-agent$/.test(file.suggestedFilename()), 'it saves the agent as a file', file.suggestedFilename());
  const bytes = [...readFileSync(await file.path())];
  await seen((app, bytes) => {
    app.setState('importFile', new File([new Uint8Array(bytes)], 'a.eliza-agent'));
    app.setState('importPassword', 'open sesame');
  }, bytes);
  await knows('the file', ({ importFile, importPassword }) => importFile && importPassword !== '');
  await seen((app) => void app.handleAgentImport());
  const said = await knows('an end', ({ importBusy, importSuccess, importError }) => !importBusy && (importSuccess ?? importError));
  checks.expect(/^Imported "/.test(said), 'and takes it in again', said);
}

async function startsWhatIsStopped() {
  await ask('POST', '/api/agent/stop');
  requests = [];
  await page.goto('about:blank');
  await page.goto(address);
  await knows('the dashboard is ready again', ({ startupPhase, onboardingLoading }) => startupPhase === 'ready' && !onboardingLoading);
  checks.expect(requests.includes('POST /api/agent/start'), 'what is stopped it starts by itself', requests);
  checks.same((await ask('GET', '/api/status')).body.state, 'running', 'and it runs');
}
