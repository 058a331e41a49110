// Calls what the dashboard of Milady asks a server for, by its own client library, and holds what
// comes back to what the library declares: `node milady.mjs <base url> [token]`.
//
// The library is of a generation that does not know the word `paused`, and declares more of what is
// optional than the server promises; both are looked at here without the declarations.
import { Calls } from './calls.mjs';
import { Checks } from './checks.mjs';
import { asPage, DECLARATIONS, MiladyClient, PATHS, parseAgentStatusEvent } from './milady-packages.mjs';
import { ask as asked, connected, onboarding, ready, until } from './milady-stage.mjs';
import { Declarations } from './types.mjs';

const [url, token] = process.argv.slice(2);

/** What is declared otherwise on purpose: the offline model is no provider that the library knows. */
const TOLERATED = [/^milady\.getOnboardingOptions: providers\[\]\.(id|family) is "doctor"/];

/** What there must be, all of it as declared. */
const ESSENTIAL = `getAuthStatus getStatus getOnboardingStatus getOnboardingOptions submitOnboarding startAgent stopAgent
  resumeAgent restartAgent restartAndWait resetAgent getAgentEvents getExportEstimate getLogs getCharacter updateCharacter
  getPlugins getWorkbenchOverview listConversations createConversation getConversationMessages sendConversationMessage
  sendConversationMessageStream requestGreeting renameConversation deleteConversation sendChatRest sendChatStream getTriggers
  getTrigger createTrigger updateTrigger deleteTrigger runTriggerNow getTriggerRuns getTriggerHealth`.split(/\s+/);

/** What may be there in a form that says that it is not in use: it answers, and that is all. */
const SOFT = `getConfig getConfigSchema getWalletAddresses getWalletConfig getCloudStatus getDropStatus getRegistryStatus
  getUpdateStatus getExtensionStatus getPermissions getSubscriptionStatus getSkills listCustomActions getSecrets getConnectors
  getRuntimeSnapshot getSecurityAudit listWorkbenchTasks listWorkbenchTodos getCodingAgentStatus hasCustomVrm`.split(/\s+/);

const declarations = new Declarations(DECLARATIONS, PATHS);
const all = declarations.own('MiladyClient', 'milady');
const client = connected(url, token);
const checks = new Checks();
const calls = new Calls({ milady: client }, declarations, of(ESSENTIAL));
const ask = (...request) => asked(url, token, ...request);
const call = (method, ...args) => calls.call(`milady.${method}`, ...args);

const { complete } = await call('getOnboardingStatus');
const parts = [lifecycle, character, conversations, quickTalk, triggers, autonomy, events, socket, looks, soft, reset];
for (const part of [strangers, ...(complete ? [] : [withoutAgent, firstSteps]), () => ready(client), ...parts]) {
  try {
    await part();
  } catch (error) {
    checks.expect(false, `${part.name || 'an agent runs'}: ${error.stack}`);
  }
}
client.disconnectWs();

// What only a server is asked whose agent is not there yet, or whose folder may be deleted.
const but = ['getOnboardingOptions', 'submitOnboarding', 'restartAndWait', 'resetAgent'].map((name) => `milady.${name}`);
const title = `the client library of Milady${token ? ', with a token' : ''}`;
const failures = calls.report(title, but).filter((failure) => !TOLERATED.some((tolerated) => tolerated.test(failure)));
failures.forEach((failure) => checks.expect(false, failure));
checks.report('what it saw');

/** The declared methods of a list. */
function of(names) {
  return new Map(names.map((name) => [`milady.${name}`, all.get(`milady.${name}`)]));
}

/** Holds an answer to a status and to what its error says. */
function refused({ status, body }, wanted, says, what) {
  checks.expect(status === wanted && typeof body.error === 'string' && says.test(body.error), `${what}: ${wanted}`, { status, body });
}

/** Whether the agent is to think, and whether it does. */
async function thinks() {
  const { enabled, thinking } = (await ask('GET', '/api/agent/autonomy')).body;
  return [enabled, thinking];
}

async function strangers() {
  const status = await call('getAuthStatus');
  checks.expect(status.required === Boolean(token), 'it says whether it wants a token', status);
  for (const wrong of token ? [undefined, 'wrong'] : []) {
    const stranger = new MiladyClient(url, wrong);
    const error = await stranger.getStatus().catch((error) => error);
    checks.same([error.kind, error.status, error.message], ['http', 401, 'Unauthorized'], 'strangers are refused');
    refused(await asked(url, wrong, 'GET', '/api/nothing'), 401, /^Unauthorized$/, 'wherever they ask');
  }
  for (const header of token ? ['X-Milady-Token', 'X-Api-Key'] : []) {
    const { status } = await asked(url, undefined, 'GET', '/api/status', undefined, { [header]: token });
    checks.same(status, 200, `${header} is as good`);
  }
  refused(await ask('GET', '/api/nothing'), 404, /^Not found$/, 'an unknown path');
  refused(await ask('GET', '/api/agent/start'), 404, /^Not found$/, 'the wrong method');
  refused(await ask('GET', '/api/status/'), 404, /^Not found$/, 'a slash too many');
  const { headers } = await ask('GET', '/api/status?any');
  checks.same(headers.get('content-type'), 'application/json', 'JSON is sent as such');
  checks.same(headers.get('x-content-type-options'), 'nosniff', 'with its security headers');
}

/** What a server does that has no agent yet. */
async function withoutAgent() {
  const { state, agentName, startup } = await call('getStatus');
  checks.same([state, agentName, startup?.phase], ['not_started', 'Milady', 'idle'], 'there is no agent yet');
  const { conversation } = await call('createConversation', 'Early');
  const at = `/api/conversations/${conversation.id}`;
  for (const [method, path, body] of [
    ['POST', '/api/agent/export', 'not JSON'],
    ['GET', '/api/agent/export/estimate'],
    ['POST', '/api/agent/import', 'x'],
    ['POST', `${at}/messages`, { text: 'Hello' }],
    ['POST', `${at}/messages/stream`, { text: 'Hello' }],
    ['POST', '/api/chat', { text: 'Hello' }],
    ['GET', '/api/triggers'],
    ['GET', '/api/triggers/health'],
  ]) {
    const { status, body: said } = await ask(method, path, body);
    checks.expect(status === 503 && typeof said.error === 'string', `${method} ${path.replace(conversation.id, ':id')} without an agent: 503`, { status, said });
  }
  refused(await ask('POST', '/api/conversations/none/messages', { text: '' }), 404, /./, 'first, whether there is such a conversation');
  refused(await ask('POST', `${at}/messages`, { text: ' ' }), 400, /./, 'then, whether something was said');
  refused(await ask('POST', '/api/agent/restart'), 501, /not supported/, 'nothing can be restarted');
  checks.same(await thinks(), [false, false], 'nobody thinks');
  checks.expect((await call('getLogs')).entries?.length > 0, 'the start is in the log');
  const overview = await call('getWorkbenchOverview');
  checks.same([overview.tasks, overview.triggers, overview.todos], [[], [], []], 'the workbench is empty');
  checks.same((await call('getConversationMessages', conversation.id)).messages, [], 'and the conversation');
}

async function firstSteps() {
  const options = await call('getOnboardingOptions');
  checks.expect(new Set(options.names).size === 5, 'five names are offered', options.names);
  refused(await ask('POST', '/api/onboarding', { name: ' ' }), 400, /./, 'a name is wanted');
  await call('submitOnboarding', onboarding(options.names?.[0] ?? 'Reimu'));
  const status = await call('restartAndWait');
  checks.same([status.state, status.agentName], ['running', options.names?.[0]], 'the agent runs');
  checks.same((await call('getOnboardingStatus')).complete, true, 'the first steps are done');
}

async function lifecycle() {
  const { agentName, model } = await call('getStatus');
  const keys = (status) => Object.keys(status ?? {}).sort();
  const running = ['agentName', ...(model === undefined ? [] : ['model']), 'startedAt', 'state'];
  for (const round of ['once', 'again']) {
    const stopped = await call('stopAgent');
    checks.same([stopped.state, keys(stopped)], ['stopped', ['agentName', 'state']], `it stops ${round}`);
    checks.expect((await call('getExportEstimate')).estimatedBytes > 0, 'and can be exported');
  }
  const resumed = await call('resumeAgent');
  checks.same([resumed.state, resumed.startedAt], ['running', undefined], 'resumed after a stop it has no beginning');
  for (const round of ['once', 'again']) {
    const started = await call('startAgent');
    checks.same([started.state, started.uptime, started.agentName], ['running', 0, agentName], `it starts ${round}`);
    checks.same(keys(started), [...running, 'uptime'].sort(), 'with all it should say');
    checks.same(await thinks(), [true, true], 'and thinks');
  }
  const { body } = await ask('POST', '/api/agent/pause');
  checks.same([body.ok, body.status.state, typeof body.status.startedAt], [true, 'paused', 'number'], 'it pauses');
  checks.same(await thinks(), [false, false], 'and thinks no more');
  await call('resumeAgent');
  const restarted = await call('restartAgent');
  checks.same([restarted.state, keys(restarted)], ['running', running], 'it is restarted');
  const twice = await Promise.all([ask('POST', '/api/agent/restart'), ask('POST', '/api/agent/restart')]);
  checks.expect(twice.every(({ status }) => status === 200 || status === 409), 'a second restart meanwhile may be refused', twice);
  const status = await until('running', async () => {
    const status = await client.getStatus();
    return status.state === 'running' && status;
  });
  checks.expect(status.uptime >= 0 && status.pendingRestart === false && Array.isArray(status.pendingRestartReasons), 'and runs', status);
}

async function conversations() {
  const { conversation } = await call('createConversation', undefined);
  const { id } = conversation;
  checks.same(conversation.title, 'New Chat', 'a conversation has a title');
  const greeting = await call('requestGreeting', id, 'en');
  checks.same([greeting.generated, greeting.text], [true, 'The lamp is lit.'], 'the agent greets');
  const answer = await call('sendConversationMessage', id, 'Hello');
  checks.expect(answer.text.includes('Hello'), 'the agent answers', answer);
  const heard = [];
  const streamed = await call('sendConversationMessageStream', id, 'Tell me of the sea, and of ships', (token) => heard.push(token));
  checks.expect(heard.length > 1 && streamed.completed, 'an answer comes in pieces', { heard, streamed });
  checks.same(heard.join(''), streamed.text, 'which together are the answer');
  const { messages } = await call('getConversationMessages', id);
  checks.same(messages.map(({ role }) => role), ['assistant', 'user', 'assistant', 'user', 'assistant'], 'all of it is kept, in order');
  checks.same([messages[0].source, messages[1].source], ['agent_greeting', undefined], 'with where it came from');
  checks.same(messages.at(-1).text, streamed.text, 'and as it was streamed');
  const image = { data: 'iVBORw0KGgo=', mimeType: 'image/png', name: 'dot.png' };
  const seen = await client.sendConversationMessage(id, 'What is this?', 'DM', [image]).catch((error) => error);
  checks.expect(seen.text !== undefined, 'a picture may come along', String(seen));
  for (const [body, what] of [[{ text: '  ' }, 'blank'], [{}, 'no text'], [{ text: 'x', channelType: 'nowhere' }, 'an unknown channel'], [{ text: 'x', images: [{ ...image, mimeType: 'text/html' }] }, 'a picture that is none'], ['[]', 'a list'], ['', 'nothing']]) {
    refused(await ask('POST', `/api/conversations/${id}/messages`, body), 400, /./, what);
    refused(await ask('POST', `/api/conversations/${id}/messages/stream`, body), 400, /./, `${what}, streamed`);
  }
  const renamed = await call('renameConversation', id, 'The sea');
  checks.same([renamed.conversation.id, renamed.conversation.title], [id, 'The sea'], 'it is renamed');
  const { conversation: other } = await call('createConversation', 'Later');
  await client.sendConversationMessage(id, 'Still there?');
  const { conversations } = await call('listConversations');
  const order = conversations.map((one) => one.id);
  checks.expect(order.indexOf(id) < order.indexOf(other.id), 'the newest comes first', conversations);
  checks.same((await call('deleteConversation', other.id)).ok, true, 'it is deleted');
  checks.same((await client.deleteConversation(other.id)).ok, true, 'and stays so');
  refused(await ask('GET', `/api/conversations/${other.id}/messages`), 404, /./, 'its messages');
  refused(await ask('POST', `/api/conversations/${other.id}/messages/stream`, { text: 'x' }), 404, /./, 'a message to it');
}

async function quickTalk() {
  const answer = await call('sendChatRest', 'Hello');
  checks.expect(answer.text.includes('Hello'), 'it talks without a conversation', answer);
  const heard = [];
  const streamed = await call('sendChatStream', 'Hello again, and good evening', (token) => heard.push(token));
  checks.same([heard.join(''), streamed.completed], [streamed.text, true], 'in pieces as well');
}

async function character() {
  const { character: before } = await call('getCharacter');
  const changed = { ...before, topics: ['tides'], system: 'You keep the light.', postExamples: ['The lamp is lit.'] };
  await call('updateCharacter', changed);
  const { character: after } = await call('getCharacter');
  checks.same([after.topics, after.system, after.postExamples], [['tides'], 'You keep the light.', ['The lamp is lit.']], 'the character is changed');
  const { status, body } = await ask('PUT', '/api/character', { name: '', nonsense: 1 });
  checks.expect(status === 422 && body.ok === false && body.validationErrors?.length > 0, 'what is none is refused', { status, body });
}

async function triggers() {
  const draft = { displayName: 'Look  out', instructions: 'Look for ships.', triggerType: 'interval', intervalMs: 1_000, wakeMode: 'inject_now' };
  const { trigger } = await call('createTrigger', draft);
  checks.same([trigger.displayName, trigger.intervalMs, trigger.enabled], ['Look out', 60_000, true], 'a trigger is made');
  refused(await ask('POST', '/api/triggers', draft), 409, /./, 'the same again');
  refused(await ask('POST', '/api/triggers', { triggerType: 'interval', intervalMs: 60_000 }), 400, /./, 'one without instructions');
  refused(await ask('POST', '/api/triggers', { instructions: 'x', triggerType: 'cron', cronExpression: '* *' }), 400, /./, 'one at no time');
  checks.expect((await call('getTriggers')).triggers.some(({ id }) => id === trigger.id), 'it is listed');
  checks.same((await client.getTrigger(trigger.taskId)).trigger.id, trigger.id, 'it is found by its task');
  await call('getTrigger', trigger.id);
  const off = await call('updateTrigger', trigger.id, { enabled: false });
  checks.same(off.trigger.enabled, false, 'it is turned off');
  const ran = await call('runTriggerNow', trigger.id);
  checks.same([ran.ok, ran.result?.status, ran.result?.taskDeleted], [true, 'success', false], 'and run all the same');
  const { runs } = await call('getTriggerRuns', trigger.id);
  checks.same([runs.length, runs[0]?.source, runs[0]?.status], [1, 'manual', 'success'], 'the run is kept');
  const health = await call('getTriggerHealth');
  checks.expect(health.disabledTriggers >= 1 && health.totalExecutions >= 1, 'and counted', health);
  checks.same((await call('deleteTrigger', trigger.id)).ok, true, 'it is deleted');
  refused(await ask('GET', `/api/triggers/${trigger.id}`), 404, /./, 'and gone');
}

async function autonomy() {
  const set = async (to) => {
    const { ok, autonomy, thinking } = (await ask('POST', '/api/agent/autonomy', { enabled: to })).body;
    return [ok, autonomy, thinking];
  };
  checks.same(await set(false), [true, false, false], 'it is told not to think');
  checks.same(await set('yes'), [true, false, false], 'and goes by true and false alone');
  const { latestEventId } = await client.getAgentEvents({ limit: 1000 });
  checks.same(await set(true), [true, true, true], 'it is told to think');
  const events = await until('a first tick', async () => {
    const { events } = await client.getAgentEvents({ afterEventId: latestEventId ?? undefined, limit: 1000 });
    return events.some(({ type }) => type === 'heartbeat_event') && events;
  });
  const runs = [...new Set(events.map(({ runId }) => runId).filter(Boolean))];
  // One that had begun before goes on where it was.
  const numbers = runs.map((id) => events.filter(({ runId }) => runId === id).map(({ seq }) => seq));
  checks.expect(numbers.some(([first]) => first === 1), 'a tick is a run, numbered from 1', numbers);
  checks.expect(numbers.every((seqs) => seqs.every((seq, index) => seq === seqs[0] + index)), 'and without gaps', numbers);
  await set(false);
}

async function events() {
  for (let count = 0; count < 3; count += 1) {
    const { body } = await ask('POST', '/api/agent/event', { stream: 'system', data: { text: `note ${count}` } });
    checks.same(body, { ok: true }, 'an event is taken');
  }
  refused(await ask('POST', '/api/agent/event', { stream: 'nonsense' }), 400, /stream/i, 'one of an unknown stream');
  refused(await ask('POST', '/api/agent/event', {}), 400, /stream/i, 'one of none');
  const { events, latestEventId, totalBuffered, replayed } = await call('getAgentEvents', { limit: 1000 });
  const notes = events.filter(({ stream, payload }) => stream === 'system' && /^note \d$/.test(payload.text));
  checks.same(notes.slice(-3).map(({ payload }) => payload.text), ['note 0', 'note 1', 'note 2'], 'the events are there, oldest first');
  checks.same([latestEventId, replayed, totalBuffered >= events.length], [events.at(-1).eventId, true, true], 'with where they end');
  const after = await client.getAgentEvents({ afterEventId: notes.at(-3).eventId, limit: 1 });
  checks.same(after.events.map(({ eventId }) => eventId), [notes.at(-2).eventId], 'and go on after any');
  const unknown = await client.getAgentEvents({ afterEventId: 'evt-0', limit: 1 });
  checks.same(unknown.events[0]?.eventId, events[0].eventId, 'from the beginning where that is unknown');
  refused(await ask('GET', '/api/agent/events?fromSeq=x'), 400, /fromSeq/, 'a number that is none');
}

async function socket() {
  asPage();
  const frames = [];
  client.onWsEvent('*', (frame) => frames.push(frame));
  const reconnected = [];
  client.onWsEvent('ws-reconnected', (frame) => reconnected.push(frame));
  client.connectWs();
  const first = await until('a status', () => frames.find(({ type }) => type === 'status'));
  checks.expect(frames[0] === first && parseAgentStatusEvent(first) !== null && !('uptime' in first), 'first comes the status', first);
  client.sendWsMessage({ type: 'ping' });
  await until('a pong', () => frames.some(({ type }) => type === 'pong'));
  client.sendWsMessage({ type: 'nonsense' });
  await ask('POST', '/api/agent/event', { stream: 'system', data: { text: 'live' } });
  const live = () => frames.filter(({ payload }) => payload?.text === 'live');
  await until('the event', () => live().length > 0);
  client.ws.close();
  await until('reconnected', () => reconnected.length > 0);
  await until('the event again', () => live().length > 1);
  checks.same(new Set(live().map(({ eventId }) => eventId)).size, 1, 'after a break the events come again, as they were');
  client.disconnectWs();
  const { status } = await ask('GET', '/ws');
  checks.expect(status >= 400, 'a plain request is no socket', status);
}

async function looks() {
  const { entries, sources, tags } = await call('getLogs', { level: 'info' });
  checks.expect(entries.every(({ level }) => level === 'info'), 'the log is filtered by level', entries.slice(0, 3));
  checks.same([sources, tags], [[...sources].sort(), [...tags].sort()], 'and says where it comes from');
  const since = Date.now() + 60_000;
  checks.same((await client.getLogs({ since })).entries, [], 'and by time');
  checks.expect((await call('getPlugins')).plugins.length > 0, 'there is a plugin');
  const overview = await call('getWorkbenchOverview');
  checks.same([overview.tasksAvailable, overview.triggersAvailable], [true, true], 'the workbench is open');
  for (const path of ['/v1/models']) {
    checks.same((await ask('GET', path)).status, 200, path);
  }
}

/** What says that a feature is not in use says it with 200; whether in all that a later library declares is only shown. */
async function soft() {
  const others = new Calls({ milady: client }, declarations, of(SOFT));
  for (const name of SOFT) {
    await others.call(`milady.${name}`);
  }
  const failures = others.report('what is not in use', []);
  failures.filter((failure) => failure.includes(' failed: ')).forEach((failure) => checks.expect(false, failure));
  console.log(failures.map((failure) => `declared otherwise: ${failure}`).join('\n'));
}

/** The end of it: where the folder is not one to be deleted, everything stays. */
async function reset() {
  const { agentName } = await client.getStatus();
  const { status, body } = await ask('POST', '/api/agent/reset');
  if (status === 400) {
    checks.expect(/safe to delete/.test(body.error), 'a folder that is not to be deleted is left alone', body);
    checks.same((await client.getStatus()).agentName, agentName, 'and so is the agent');
    return;
  }
  checks.same([status, body], [200, { ok: true }], 'all is deleted');
  await call('resetAgent');
  const after = await call('getStatus');
  checks.same([after.state, after.agentName, after.model, after.uptime], ['stopped', 'Milady', undefined, undefined], 'there is no agent any more');
  checks.same((await call('getOnboardingStatus')).complete, false, 'and the first steps are to be done again');
  refused(await ask('GET', '/api/agent/export/estimate'), 503, /not running/i, 'and nothing is there to be exported');
  const { body: started } = await ask('POST', '/api/agent/start');
  checks.same([started.ok, started.status?.state, started.status?.model], [true, 'running', undefined], 'a start changes the word alone');
}
