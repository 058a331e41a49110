// Does what Milady's terminal client does, which is published nowhere: it looks whether there is somebody
// to talk to, finds its conversation, says something, and listens: `node milady-terminal.mjs <base url> [token]`.
import { WebSocket } from 'ws';
import { Checks } from './checks.mjs';
import { ask, connected, ready, until } from './milady-stage.mjs';

const [url, token] = process.argv.slice(2);

/** How long it waits for each of the things that it looks at first. */
const GLANCE_MS = 1_200;
const TITLE = 'TUI Chat';

const checks = new Checks();
await ready(connected(url, token));
await looks();
const conversation = await found();
checks.same((await found()).id, conversation.id, 'and is found again');
const socket = await listening(conversation.id);
await talks(conversation.id);
await hears(conversation.id);
socket.ws.close();
await refused();
checks.report(`the terminal client of Milady${token ? ', with a token' : ''}`);

/** Looks at one thing, as it does before all else. */
async function glance(path, given = token) {
  const headers = given ? { Authorization: `Bearer ${given}` } : {};
  const response = await fetch(new URL(path, url), { headers, signal: AbortSignal.timeout(GLANCE_MS) });
  return { status: response.status, body: await response.json() };
}

async function looks() {
  const { body: status } = await glance('/api/status');
  checks.same(status.state, 'running', 'the agent runs');
  const { body: list } = await glance('/api/conversations');
  checks.expect(Array.isArray(list.conversations), 'conversations are listed', list);
  const { body: onboarding } = await glance('/api/onboarding/status');
  checks.same(onboarding.complete, true, 'the first steps are done');
  const { body: all } = await glance('/api/plugins');
  checks.expect(all.plugins?.length > 0, 'there is a plugin', all);
}

/** Its conversation, by the title; a new one where there is none. */
async function found() {
  const { conversations } = (await ask(url, token, 'GET', '/api/conversations')).body;
  const mine = conversations.filter(({ title, roomId }) => title.trim().toLowerCase() === TITLE.toLowerCase() && roomId?.trim());
  mine.sort((one, other) => Date.parse(other.updatedAt) - Date.parse(one.updatedAt));
  const made = async () => (await ask(url, token, 'POST', '/api/conversations', { title: TITLE })).body.conversation;
  const conversation = mine[0] ?? (await made());
  checks.expect(conversation.roomId?.length > 0, 'its conversation has a room', conversation);
  return conversation;
}

/** A socket that says who it is in a header, as a browser cannot. */
async function listening(id) {
  const frames = [];
  const ws = new WebSocket(url.replace(/^http/, 'ws').replace(/\/*$/, '/ws'), { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  ws.on('message', (data) => frames.push(JSON.parse(data)));
  await new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject));
  ws.send(JSON.stringify({ type: 'active-conversation', conversationId: id }));
  ws.send(JSON.stringify({ type: 'ping' }));
  await until('a pong', () => frames.some(({ type }) => type === 'pong'));
  return { ws, frames };
}

async function talks(id) {
  const text = 'Good evening from the terminal';
  const response = await fetch(new URL(`/api/conversations/${id}/messages/stream`, url), {
    method: 'POST',
    headers: { Accept: 'text/event-stream', 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ text }),
  });
  checks.same([response.status, response.headers.get('content-type')], [200, 'text/event-stream'], 'the answer is a stream');
  const events = (await response.text()).split('\n\n').flatMap((event) => event.split('\n')).filter((line) => line.startsWith('data:'));
  const told = events.map((line) => JSON.parse(line.slice('data:'.length)));
  const pieces = told.filter(({ type }) => type === 'token').map((one) => one.text);
  const last = told.at(-1);
  checks.same([last.type, pieces.join('')], ['done', last.fullText], 'it ends with all of what came in pieces');
  checks.expect(pieces.length > 1 && last.fullText.includes(text) && last.agentName, 'and is an answer', last);
  const proactive = socket.frames.filter(({ type }) => type === 'proactive-message');
  checks.expect(!proactive.some(({ message }) => message.text === last.fullText), 'it is not told a second time', proactive);
}

async function hears(id) {
  await ask(url, token, 'POST', '/api/agent/event', { stream: 'assistant', roomId: 'elsewhere', data: { text: 'By the way.', source: 'autonomy' } });
  const of = () => socket.frames.find(({ type, message }) => type === 'proactive-message' && message.text === 'By the way.');
  const frame = await until('a message of its own accord', of);
  checks.same([frame.conversationId, frame.message.role, frame.message.source], [id, 'assistant', 'autonomy'], 'the agent speaks of its own accord');
  const { messages } = (await ask(url, token, 'GET', `/api/conversations/${id}/messages`)).body;
  checks.expect(messages.some((one) => one.id === frame.message.id), 'and it is kept', messages.at(-1));
}

/** Whom the server does not know it refuses, over the socket in words of its own. */
async function refused() {
  if (!token) {
    return;
  }
  checks.same((await glance('/api/status', 'wrong')).status, 401, 'a wrong token is refused');
  for (const [what, path, headers, status] of [
    ['a wrong token', '/ws', { Authorization: 'Bearer wrong' }, 401],
    ['another path', '/elsewhere', { Authorization: `Bearer ${token}` }, 404],
    ['a foreign page', '/ws', { Authorization: `Bearer ${token}`, Origin: 'https://example.com' }, 403],
  ]) {
    const ws = new WebSocket(new URL(path, url.replace(/^http/, 'ws')), { headers });
    const seen = await new Promise((resolve) => {
      ws.on('open', () => resolve({ statusCode: 101 })).on('unexpected-response', (_, response) => resolve(response)).on('error', () => {});
    });
    const type = seen.headers?.['content-type'];
    checks.same([seen.statusCode, type], [status, 'text/plain; charset=utf-8'], `the socket refuses ${what}`);
    ws.terminate();
  }
}
