// Runs the `agent` commands of the real command line of elizaOS, and looks at what they do:
// `node cli.mjs <base url> <token> <command ...>`, where the command is what starts the `elizaos` CLI.
//
// It is not among the packages here, since it comes with half a gigabyte of others. To have it:
//
//   npm install --prefix /tmp/elizaos --ignore-scripts @elizaos/cli@1.7.2 bun@1.3.3
//   export GREENROOM_ELIZAOS_CLI="/tmp/elizaos/node_modules/@oven/bun-linux-x64/bin/bun \
//     /tmp/elizaos/node_modules/@elizaos/cli/dist/index.js"
//   cargo test --test main clients::
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ElizaClient } from '@elizaos/api-client';
import { Checks } from './checks.mjs';

const [url, token, program, ...first] = process.argv.slice(2);
const client = ElizaClient.create({ baseUrl: url, apiKey: token || undefined });
const folder = mkdtempSync(join(tmpdir(), 'elizaos-'));
const checks = new Checks();

/** Runs `elizaos agent …`; answers with its exit code and all it said. */
async function elizaos(args, more = ['--remote-url', url, ...(token ? ['--auth-token', token] : [])], env = {}) {
  const options = { cwd: folder, timeout: 60_000, env: { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1', ...env } };
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...first, 'agent', ...args, ...more], options);
    return { code: 0, stdout, said: stdout + stderr };
  } catch (error) {
    return { code: error.code, stdout: error.stdout, said: error.stdout + error.stderr };
  }
}

/** Runs a command that succeeds and says something. */
async function does(args, says, ...more) {
  const { code, stdout, said } = await elizaos(args, ...more);
  checks.expect(code === 0 && says.test(said), `elizaos agent ${args.join(' ')}`, { code, said });
  return stdout;
}

/** Runs a command that fails and says something. */
async function fails(args, says, ...more) {
  const { code, said } = await elizaos(args, ...more);
  checks.expect(code !== 0 && says.test(said), `fails: elizaos agent ${args.join(' ')}`, { code, said });
}

const write = (name, value) => writeFileSync(join(folder, name), JSON.stringify(value));
const find = async (name) => (await client.agents.listAgents()).agents.find((agent) => agent.name === name);
const listed = async () => JSON.parse((await does(['list', '--json'], /\[/)).match(/\[[^]*\]/)[0]);

await does(['list'], /No agents found/);
write('ada.json', { name: 'Ada', bio: ['Thinks about engines.'], topics: ['engines'], settings: { secrets: { KEY: 'value' } } });
await does(['start', '--path', 'ada.json'], /Agent Ada started successfully/);
checks.same((await listed()).map((agent) => [agent.Name, agent.Status]), [['Ada', 'active']], 'the agent is made, and runs');
await does(['start', '--name', 'Ada'], /Agent Ada started successfully/);
const { id } = await find('Ada');

await does(['get', '--name', 'ada'], /Agent Details/);
await does(['get', '--name', '0', '--json'], /"topics"/);
await does(['get', '--name', id, '--output', 'saved'], /Saved agent configuration/);
const saved = JSON.parse(readFileSync(join(folder, 'saved.json'), 'utf8'));
checks.same([saved.name, saved.topics, 'id' in saved], ['Ada', ['engines'], false], 'the agent is saved');

await does(['set', '--name', 'Ada', '--config', '{"topics":["looms"]}'], new RegExp(`updated configuration for agent ${id}`));
write('more.json', { bio: ['Thinks about looms.'] });
await does(['set', '--name', 'Ada', '--file', 'more.json'], /Successfully updated/);
const set = await client.agents.getAgent(id);
checks.same([set.topics, set.bio], [['looms'], ['Thinks about looms.']], 'the agent is changed');

const session = await client.sessions.createSession({ agentId: id, userId: id.replace(/^./, '0') });
await client.sessions.sendMessageSync(session.sessionId, { content: 'Remember this.' });
await does(['clear-memories', '--name', 'Ada'], /Successfully cleared [1-9]\d* memories/);
checks.same((await client.memory.getAgentMemories(id)).memories, [], 'the memories are gone');

await does(['stop', '--name', 'Ada'], /Agent Ada stopped successfully/);
checks.same((await find('Ada')).status, 'inactive', 'the agent is stopped');
await does(['remove', '--name', 'Ada'], /Successfully removed agent Ada/);
checks.same(await find('Ada'), undefined, 'the agent is gone');
await does(['start', '--path', 'saved.json'], /Agent Ada started successfully/);
checks.same((await client.agents.getAgent((await find('Ada')).id)).topics, ['engines'], 'what was saved makes the agent again');

const page = createServer((_, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ name: 'Bob', bio: 'Listens.' }));
});
await new Promise((resolve) => page.listen(0, '127.0.0.1', resolve));
await does(['start', '--remote-character', `http://127.0.0.1:${page.address().port}/bob.json`], /Agent Bob started successfully/);
page.close();
await does(['list'], /Bob/, [], { AGENT_RUNTIME_URL: url, ELIZAOS_API_KEY: token });

await fails(['get', '--name', 'nobody'], /nobody/i);
await fails(['start', '--path', 'absent.json'], /absent\.json/);
await fails(['stop', '--name', 'nobody'], /nobody/i);
if (token) {
  await fails(['list'], /Unable to connect/, ['--remote-url', url]);
}
rmSync(folder, { recursive: true });
checks.report(`elizaos agent${token ? ', with a token' : ''}`);
