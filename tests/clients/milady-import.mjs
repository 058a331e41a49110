// Files to and fro between the server and Milady's own reader and writer, over a store as strict as
// its own, and over its own where that is installed: `node milady-import.mjs <base url> [token]`. Or one file, which
// that reader is to take: `node milady-import.mjs <file> <password>`.
import { readFileSync } from 'node:fs';
import { Checks } from './checks.mjs';
import { AgentExportError, exportAgent, importAgent } from './milady-packages.mjs';
import { ask, connected, ready } from './milady-stage.mjs';
import { sqlStore } from './milady-sql.mjs';
import { Store } from './milady-store.mjs';

const [place, secret] = process.argv.slice(2);
const PASSWORD = 'pässwörd-☃-🔒';
const SAID = ['Good evening.', 'Is the lamp lit? 灯台 ☯', 'Good night.'];
const FILE_NAME = /^attachment; filename="[a-z0-9_-]+-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.eliza-agent"$/;

const checks = new Checks();
// At once: it keeps everything else waiting, and a server does not hold a connection for ever.
const sql = await sqlStore();
if (URL.canParse(place) && /^https?:/.test(place)) {
  const client = connected(place, secret);
  await ready(client);
  await ask(place, secret, 'POST', '/api/agent/autonomy', { enabled: false });
  const store = await outwards(client);
  await inwards(client, store);
  await refused(client);
  await throughSql(client);
  checks.report(`files between the server and Milady${secret ? ', with a token' : ''}`);
} else {
  for (const adapter of [new Store(), sql]) {
    if (adapter !== undefined) {
      const { agentName, counts } = await importAgent({ adapter }, readFileSync(place), secret);
      console.log(JSON.stringify({ agentName, counts }));
    }
  }
}
// The store may hold on to what it needs.
process.exit();

/** What the server writes, Milady reads; answers with the store that it was read into. */
async function outwards(client) {
  const { conversation } = await client.createConversation('Out');
  for (const text of SAID) {
    await client.sendConversationMessage(conversation.id, text);
  }
  let last;
  for (const logs of [false, true]) {
    // An agent that has begun to think may still be writing it down.
    const before = await client.getExportEstimate();
    const { headers, file } = await exported(client, logs);
    const after = await client.getExportEstimate();
    checks.same(headers.get('content-type'), 'application/octet-stream', 'the file has its type');
    checks.expect(FILE_NAME.test(headers.get('content-disposition')), 'and its name', headers.get('content-disposition'));
    checks.same(headers.get('content-length'), String(file.length), 'and its length');
    last = { store: new Store() };
    last.result = await importAgent({ adapter: last.store }, file, PASSWORD);
    const { result, store } = last;
    checks.expect(result.success && result.agentName === (await client.getStatus()).agentName, "Milady's reader takes it", result);
    for (const [kind, name] of [['memories', 'memoriesCount'], ['worlds', 'worldsCount'], ['rooms', 'roomsCount'], ['entities', 'entitiesCount']]) {
      const count = result.counts[kind];
      checks.expect(before[name] <= count && count <= after[name], `with as many ${kind} as was estimated`, { before, count, after });
    }
    checks.expect(logs || result.counts.logs === 0, 'and the log only where it was asked for', result.counts);
    const texts = new Set([...store.memories.values()].filter(({ type }) => type === 'messages').map(({ content }) => content.text));
    checks.expect(SAID.every((text) => texts.has(text)), 'with what was said', [...texts]);
    checks.expect([...store.agents.values()][0].bio !== undefined, 'and with the character', [...store.agents.values()][0]);
  }
  const { file } = await exported(client, false);
  const wrong = await importAgent({ adapter: new Store() }, file, 'not the password').catch((error) => error);
  checks.expect(wrong instanceof AgentExportError && /password/i.test(wrong.message), 'the wrong password does not open it', String(wrong));
  return last.store;
}

/** What Milady writes, the server reads. */
async function inwards(client, filled) {
  for (const [what, options] of [['its own rows', {}], ['rows as its SQL store shows them', { asSql: true }]]) {
    const store = Object.assign(new Store(options), Object.fromEntries(Object.entries(filled)));
    const [agent] = store.agents.values();
    const character = { name: agent.name, bio: agent.bio, secrets: { KEY: 'value' }, extraField: { kept: [1] } };
    const file = await exportAgent({ adapter: store, agentId: agent.id, character }, PASSWORD, { includeLogs: true });
    const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
    const first = await client.importAgent(PASSWORD, bytes);
    const size = ({ memories, entities, components, rooms, participants, worlds, logs }) => [memories.size, entities.size, components.size, rooms.size, participants.size, worlds.size, logs.length];
    const { memories, entities, components, rooms, participants, worlds, logs } = first.counts;
    checks.same([memories, entities, components, rooms, participants, worlds, logs], size(store), `the server takes ${what}`);
    checks.same([first.agentName, first.ok], [agent.name, true], 'and says whose');
    const second = await client.importAgent(PASSWORD, bytes);
    checks.expect(second.agentId !== first.agentId && second.agentId !== agent.id, 'a second time it is another', [first, second]);
  }
}

/** What the server writes, Milady keeps in its own store, and writes again; and that the server takes. */
async function throughSql(client) {
  const adapter = sql;
  if (adapter === undefined) {
    console.log('left out: GREENROOM_MILADY_STORE is not set');
    return;
  }
  const { file } = await exported(client, true);
  const { agentId, agentName, counts } = await importAgent({ adapter }, file, PASSWORD);
  const kept = await adapter.getMemories({ agentId, tableName: 'messages', count: 10_000 });
  const texts = kept.map(({ content }) => content.text);
  checks.expect(SAID.every((text) => texts.includes(text)), 'its own store keeps what was said', texts);
  const again = await exportAgent({ adapter, agentId }, PASSWORD, { includeLogs: true });
  const back = await client.importAgent(PASSWORD, again.buffer.slice(again.byteOffset, again.byteOffset + again.length));
  checks.same([back.agentName, back.counts.memories], [agentName, counts.memories], 'and what it writes comes back whole');
}

/** What is none of these is refused in the words that people look for. */
async function refused(client) {
  const { file } = await exported(client, false);
  const bytes = (buffer) => buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length);
  const flipped = Buffer.from(file);
  flipped[file.length - 1] ^= 1;
  for (const [what, password, given, says] of [
    ['the wrong password', 'not the password', file, /password.*decryption|decryption.*password/is],
    ['an altered byte', PASSWORD, flipped, /decryption/i],
    ['something else', PASSWORD, Buffer.alloc(100, 'x'), /invalid file format/i],
    ['too little', PASSWORD, file.subarray(0, 60), /too small/i],
  ]) {
    const error = await client.importAgent(password, bytes(given)).catch((error) => error);
    checks.expect(error.status === 400 && says.test(error.message), `the server refuses ${what}`, [error.status, error.message]);
  }
  const short = await ask(place, secret, 'POST', '/api/agent/export', { password: 'abc' });
  checks.expect(short.status === 400 && /at least 4/.test(short.body.error), 'and a short password', short.body);
}

async function exported(client, logs) {
  const response = await client.exportAgent(PASSWORD, logs);
  return { headers: response.headers, file: Buffer.from(await response.arrayBuffer()) };
}
