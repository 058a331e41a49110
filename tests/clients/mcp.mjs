// Uses the host's tools by the official client library: node mcp.mjs <url> <token>.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { Checks } from './checks.mjs';

const [url, token] = process.argv.slice(2);
const checks = new Checks();

/** A client that presents these headers. */
async function connected(headers) {
  const client = new Client({ name: 'tests', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }));
  return client;
}

/** Why such a client is not let in; nothing if it is. */
async function refusal(headers) {
  try {
    await (await connected(headers)).close();
    return undefined;
  } catch (error) {
    return `${error.code ?? ''} ${error.message}`;
  }
}

if (token) {
  for (const headers of [{}, { 'X-API-KEY': 'wrong' }, { Authorization: 'Bearer wrong' }]) {
    const refused = await refusal(headers);
    checks.expect(/401|nauthorized/.test(refused ?? ''), `nobody calls with ${JSON.stringify(headers)}`, refused);
  }
  const bearer = await refusal({ Authorization: `Bearer ${token}` });
  checks.expect(bearer === undefined, 'a bearer token is as good', bearer);
}

const client = await connected(token ? { 'X-API-KEY': token } : {});
checks.same(client.getServerVersion()?.name, 'greenroom', 'the host says who it is');
const { tools } = await client.listTools();
const names = tools.map(({ name }) => name);
for (const name of [
  'list_agents', 'get_agent', 'create_agent', 'start_agent', 'pause_agent', 'resume_agent', 'stop_agent',
  'restart_agent', 'send_message', 'list_memories', 'search_memories', 'remember', 'forget', 'list_runs', 'get_run',
]) {
  checks.expect(names.includes(name), `there is ${name}`, names);
}
checks.expect(
  tools.every(({ description, annotations, outputSchema }) => description && annotations && outputSchema),
  'each tool describes itself', tools.slice(0, 1),
);

/** The structure of an answer, which the library has held against the tool's schema. */
async function call(name, args) {
  const result = await client.callTool({ name, arguments: args });
  checks.expect(!result.isError && result.structuredContent, `${name} answers`, result);
  return result.structuredContent ?? {};
}

const agent = `Mia ${token ? 'guarded' : 'open'}`;
const character = { name: agent, bio: ['A test.'], settings: { secrets: { KEY: 'hush-hush' } } };
const { agent: made } = await call('create_agent', { character });
checks.same(made?.state, 'stopped', 'an agent is made, stopped');
const shown = await call('get_agent', { agent: made.id });
checks.expect(!JSON.stringify(shown).includes('hush'), 'its secrets stay here', shown);
checks.same((await call('start_agent', { agent, autonomy_every_s: 0 })).agent?.state, 'running', 'it is started');
const { reply } = await call('send_message', { agent, text: 'hello there', from: 'Tess' });
checks.expect(reply?.includes('hello there'), 'it replies', reply);
const { runs, total } = await call('list_runs', { agent, status: 'completed' });
checks.same(total, 1, 'its run is there');
const { run, steps } = await call('get_run', { agent, run_id: runs[0].id });
checks.same([run.kind, steps[0].kind, steps[0].status], ['reply', 'model', 'succeeded'], 'and what it took');
const { memory } = await call('remember', { agent, text: 'The kettle is in the cupboard.' });
const found = await call('search_memories', { agent, text: 'kettle' });
checks.same(found.memories[0]?.id, memory.id, 'what it is given to remember is found');
checks.same((await call('list_memories', { agent, kind: 'facts' })).total, 1, 'and listed');
checks.same((await call('forget', { agent, memory_id: memory.id })).forgotten, true, 'and forgotten');
for (const [name, state] of [['pause_agent', 'paused'], ['resume_agent', 'running'], ['restart_agent', 'running'], ['stop_agent', 'stopped']]) {
  checks.same((await call(name, { agent })).agent?.state, state, `${name} does`);
}
checks.expect((await call('list_agents', { state: 'stopped' })).agents.some(({ id }) => id === made.id), 'it is listed');

for (const [name, args, words] of [
  ['get_agent', { agent: 'nobody' }, 'no agent is called'],
  ['send_message', { agent, text: 'hello' }, 'is stopped'],
  ['get_agent', {}, 'missing field'],
]) {
  const result = await client.callTool({ name, arguments: args });
  checks.expect(result.isError && result.content[0].text.includes(words), `${name} is refused in words`, result);
}
const unknown = await client.callTool({ name: 'no_such_tool', arguments: {} }).catch((error) => error);
checks.same(unknown.code, -32602, 'what there is not is not called');
await client.close();
checks.report(`MCP client library, ${token ? 'with' : 'without'} a token`);
