// Calls every method of @elizaos/api-client, and holds what each returns to what its type declares:
// `node api-client.mjs <base url> [token]`.
import { File } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { ElizaClient } from '@elizaos/api-client';
import { Calls } from './calls.mjs';
import { Declarations } from './types.mjs';

const [baseUrl, token] = process.argv.slice(2);

/** The one that makes no request: it always throws. */
const THROWS = ['system.deleteLog'];

const DIST = 'node_modules/@elizaos/api-client/dist';
const declarations = new Declarations(`${DIST}/index.d.ts`, { '@elizaos/core': [`${DIST}/core/src/types/index.d.ts`] });
const declared = declarations.methods('ElizaClient');
const client = ElizaClient.create({ baseUrl, apiKey: token || undefined });
const calls = new Calls(client, declarations, declared);
const { call, refused, expect, until } = Object.fromEntries(
  ['call', 'refused', 'expect', 'until'].map((name) => [name, calls[name].bind(calls)]),
);

// One that takes anything would find nothing.
for (const [name, type] of declared) {
  const { misfits } = declarations.compare(undefined, type);
  expect(misfits.length > 0 || THROWS.includes(name), `nothing is not what ${name} declares`);
}

const user = randomUUID();
const friend = randomUUID();

await authenticate();
await serverAndSystem();
const ada = await agents();
await messageServers(ada);
await channels(ada);
await messages(ada);
await sessions(ada);
await jobs(ada);
await runsAndLogs(ada);
await memories(ada);
await media(ada);
await audio(ada);
await theEnd(ada);

const failures = calls.report(`@elizaos/api-client${token ? ', with a token' : ''}`, THROWS);
if (failures.length > 0) {
  console.log(failures.join('\n'));
  process.exitCode = 1;
}

async function authenticate() {
  if (!token) {
    return;
  }
  for (const apiKey of [undefined, 'wrong']) {
    const stranger = new Calls(ElizaClient.create({ baseUrl, apiKey }), declarations, declared);
    await stranger.refused('agents.listAgents', 401, 'UNAUTHORIZED');
    await stranger.refused('server.stopServer', 401, 'UNAUTHORIZED');
    expect(stranger.failures.length === 0, 'strangers are refused', stranger.failures);
  }
}

async function serverAndSystem() {
  await call('server.ping');
  await call('server.hello');
  await call('server.getStatus');

  const { received } = await call('server.submitLogs', [
    { level: 'warn', message: 'seen from outside', source: 'a test', metadata: { which: 1 } },
    { level: 'error', message: 'broken outside' },
  ]);
  expect(received === 2, 'both lines are received', received);
  const logs = await call('system.getGlobalLogs', { level: 'warn', agentName: 'all', agentId: 'all' });
  expect(logs.logs?.some((line) => line.msg.includes('seen from outside')), 'the line is in the log', logs);
  await call('server.clearLogs');
  await call('system.deleteGlobalLogs');
  const cleared = await call('system.getGlobalLogs', { level: 'warn' });
  expect(!cleared.logs?.some((line) => line.msg.includes('seen from outside')), 'the log is cleared', cleared);

  for (const update of [{ variables: { FIRST: '1' } }, { content: { SECOND: '2' } }, { THIRD: '3' }]) {
    await call('system.updateLocalEnvironment', update);
  }
  const environment = await call('system.getEnvironment');
  expect(environment.THIRD === '3' && !('FIRST' in environment), 'the last update is what is there', environment);
  try {
    await client.system.deleteLog('any');
    expect(false, 'deleteLog throws by itself');
  } catch (error) {
    expect(error.message.includes('not supported'), 'deleteLog throws by itself', error.message);
  }
}

/** Two agents, of which the one returned runs. */
async function agents() {
  const ada = await call('agents.createAgent', {
    agent: {
      name: 'Ada',
      bio: ['Thinks about engines.'],
      topics: ['engines', 'numbers'],
      system: 'You are Ada.',
      messageExamples: [[{ name: 'user', content: { text: 'Hello' } }, { name: 'Ada', content: { text: 'Good day.' } }]],
      settings: { voice: { model: 'slt' }, secrets: { KEY: 'value' } },
      style: { all: ['brief'], chat: ['kind'] },
      createdAt: Date.now(),
      updatedAt: Date.now(),
    },
  });
  expect(ada.name === 'Ada', 'the agent is the one asked for', ada);
  const bob = await call('agents.createAgent', { characterJson: { name: 'Bob', bio: 'Listens.', plugins: [] } });

  const { status } = await call('agents.startAgent', ada.id);
  expect(status === 'active', 'the started agent is active', status);
  const { agents } = await call('agents.listAgents');
  expect(agents?.length === 2, 'both agents are listed', agents);
  await call('agents.updateAgent', ada.id, { bio: ['Thinks about engines and numbers.'], metadata: { seen: true } });
  const found = await call('agents.getAgent', ada.id);
  expect(found.bio?.[0] === 'Thinks about engines and numbers.' && found.status === 'active', 'the update holds', found);

  const health = await call('server.checkHealth');
  expect(health.status === 'healthy', 'a server with an agent that runs is healthy', health);
  const debug = await call('server.getDebugInfo');
  expect(debug.runtime?.agents.some((agent) => agent.id === ada.id), 'the running agent is told', debug);

  const { panels } = await call('agents.getAgentPanels', ada.id);
  expect(panels?.every((panel) => panel.url.startsWith('/')), 'panels have a path', panels);

  const { worlds } = await call('agents.getWorlds');
  const world = worlds?.find((world) => world.name.includes('Ada')) ?? {};
  await call('agents.startAgent', bob.id);
  await call('agents.addAgentToWorld', bob.id, world.id);
  const settings = { theme: 'dark' };
  const updated = await call('agents.updateAgentWorldSettings', ada.id, world.id, settings);
  expect(updated.settings?.theme === 'dark' && updated.worldId === world.id, 'the settings hold', updated);

  const stopped = await call('agents.stopAgent', ada.id);
  expect(stopped.status === 'inactive', 'the stopped agent is inactive', stopped);
  await call('agents.startAgent', ada.id);
  await call('agents.deleteAgent', bob.id);
  await refused('agents.getAgent', 404, 'NOT_FOUND', bob.id);
  return ada;
}

async function messageServers(ada) {
  const { messageServerId } = await call('messaging.getCurrentMessageServer');
  const { messageServers } = await call('messaging.listMessageServers');
  expect(messageServers?.some((server) => server.id === messageServerId), 'the current server is listed', messageServers);

  await call('agents.addAgentToMessageServer', messageServerId, ada.id);
  const { data } = await call('agents.getAgentsForMessageServer', messageServerId);
  expect(data?.agents.includes(ada.id), 'the agent is on the server', data);
  const { data: of } = await call('agents.getMessageServersForAgent', ada.id);
  expect(of?.messageServers.includes(messageServerId), 'the server is among those of the agent', of);
  await call('agents.removeAgentFromMessageServer', messageServerId, ada.id);
  await call('agents.addAgentToMessageServer', messageServerId, ada.id);

  const guild = await call('messaging.createMessageServer', {
    name: 'Guild',
    sourceType: 'discord',
    sourceId: 'guild-1',
    metadata: { description: 'A guild', adminId: user },
  });
  const { synced } = await call('messaging.syncMessageServerChannels', guild.id, {
    channels: [
      { name: 'general', type: 'GROUP', sourceId: 'general-1' },
      { name: 'talk', type: 'GROUP', sourceId: 'talk-1' },
    ],
  });
  expect(synced === 2, 'both channels are there now', synced);
  const { channels } = await call('messaging.getMessageServerChannels', guild.id);
  expect(channels?.length === 2, 'both channels are listed', channels);

  await call('memory.createWorldFromMessageServer', guild.id, { messageServerId: guild.id, name: 'Guild', description: 'Its world' });
  await call('memory.clearWorldMemories', guild.id);
  const gone = await call('memory.deleteWorld', guild.id);
  expect(gone.success === true, 'the world is deleted', gone);
  await call('messaging.deleteMessageServer', guild.id);
}

async function channels(ada) {
  const plain = await call('messaging.createChannel', { name: 'Plain', type: 'GROUP', metadata: { participants: [user] } });
  const members = async (id) => (await call('messaging.getChannelParticipants', id)).participants?.map((one) => one.userId) ?? [];
  await call('messaging.addAgentToChannel', plain.id, ada.id);
  expect((await members(plain.id)).includes(ada.id), 'the agent is in the channel');
  await call('messaging.removeAgentFromChannel', plain.id, ada.id);
  expect(!(await members(plain.id)).includes(ada.id), 'the agent is no longer in the channel');
  await call('messaging.addUserToChannel', plain.id, friend);
  await call('messaging.addUserToChannel', plain.id, friend);
  await call('messaging.addUsersToChannel', plain.id, [friend, ada.id]);
  await call('messaging.removeUserFromChannel', plain.id, friend);
  const left = await members(plain.id);
  expect(left.length === 2 && left.includes(user) && left.includes(ada.id), 'the others stay in the channel', left);
  const { data } = await call('messaging.updateChannel', plain.id, { name: 'Plainer', metadata: { topic: 'plain' } });
  expect(data?.name === 'Plainer', 'the new name holds', data);
  const details = await call('messaging.getChannelDetails', plain.id);
  expect(details.metadata?.participantCentralUserIds?.length === 2, 'an update of the name keeps the participants', details);
  await call('messaging.deleteChannel', plain.id);
  await refused('messaging.getChannelDetails', 404, 'NOT_FOUND', plain.id);

  const direct = await call('messaging.getOrCreateDmChannel', { participantIds: [user, ada.id] });
  const again = await call('messaging.getOrCreateDmChannel', { participantIds: [user, ada.id] });
  expect(direct.id === again.id, 'the direct channel is found again', [direct.id, again.id]);
}

async function messages(ada) {
  const channel = await call('messaging.createGroupChannel', {
    name: 'Group',
    participantIds: [user, ada.id],
    metadata: { type: 'DM', source: 'client_chat' },
  });
  const all = async () => (await client.messaging.getChannelMessages(channel.id)).messages;
  const replied = (count) => until(`${count} replies`, async () => (await all()).filter((one) => one.authorId === ada.id).length >= count);

  const posted = await call('messaging.postMessage', channel.id, 'What is an engine?', { tags: ['first'], priority: 'high' });
  await replied(1);
  const { messages } = await call('messaging.getChannelMessages', channel.id, { limit: 10, before: new Date(Date.now() + 60_000) });
  expect(messages?.some((one) => one.content === 'Stub reply to: What is an engine?'), 'the reply is in the channel', messages);
  await call('messaging.postMessage', channel.id, 'And a difference engine?');
  await replied(2);
  const { title } = await call('messaging.generateChannelTitle', channel.id, ada.id);
  expect(typeof title === 'string' && title !== '', 'the channel has a title', title);

  const one = await call('messaging.getMessage', posted.id);
  expect(one.content === 'What is an engine?', 'the message is found', one);
  const changed = await call('messaging.updateMessage', posted.id, 'What is a steam engine?');
  expect(changed.content === 'What is a steam engine?', 'the change holds', changed);
  const found = await call('messaging.searchMessages', { query: 'steam', channelId: channel.id, from: new Date(0), limit: 5 });
  expect(found.messages?.length === 1 && found.messages[0].id === posted.id, 'the message is found by a word', found);

  const submitted = await call('messaging.submitMessage', {
    agentId: ada.id,
    channelId: channel.id,
    content: 'One more thing.',
    inReplyToMessageId: posted.id,
    metadata: { thought: 'Say more.' },
  });
  expect(submitted.authorId === ada.id, 'the agent is the author', submitted);
  await call('messaging.completeMessage', { messageId: posted.id, status: 'completed' });
  const { processed } = await call('messaging.ingestExternalMessages', {
    platform: 'discord',
    channelId: channel.id,
    messages: ['first', 'second'].map((id) => ({ id, authorId: friend, content: `The ${id} from afar`, timestamp: Date.now() })),
  });
  expect(processed === 2, 'both messages are taken', processed);

  await call('messaging.deleteMessage', channel.id, posted.id);
  await refused('messaging.getMessage', 404, 'NOT_FOUND', posted.id);
  await call('memory.deleteGroupMemory', channel.id, submitted.id);
  expect(!(await all()).some((one) => one.id === submitted.id), 'the message is gone');
  const { deleted } = await call('messaging.clearChannelHistory', channel.id);
  expect(deleted >= 4, 'the others are deleted', deleted);
  await call('memory.clearGroupChat', channel.id);
  expect((await all()).length === 0, 'the channel is empty');
}

async function sessions(ada) {
  const session = await call('sessions.createSession', { agentId: ada.id, userId: user, metadata: { platform: 'test' } });
  await call('sessions.checkHealth');
  await call('sessions.getSession', session.sessionId);
  const { sessions } = await call('sessions.listSessions');
  expect(sessions?.some((one) => one.sessionId === session.sessionId), 'the session is listed', sessions);

  await call('sessions.sendMessage', session.sessionId, {
    content: 'How are you?',
    attachments: [{ type: 'image', url: 'https://example.org/a.png', name: 'a.png', size: 3, mimeType: 'image/png' }],
    metadata: { priority: 'low' },
  });
  const look = async () => (await client.sessions.getMessages(session.sessionId)).messages;
  await until('a reply in the session', async () => (await look()).some((one) => one.isAgent));
  const synced = await call('sessions.sendMessageSync', session.sessionId, { content: 'And now?' });
  expect(synced.agentResponse?.text === 'Stub reply to: And now?', 'the reply is the answer', synced);
  const { messages, hasMore } = await call('sessions.getMessages', session.sessionId, { limit: 2, before: new Date(Date.now() + 60_000) });
  expect(messages?.length === 2 && hasMore === true, 'a page of messages and the promise of more', messages);
  await refused('sessions.sendMessage', undefined, undefined, session.sessionId, { content: ' ' });
  const gone = await call('sessions.deleteSession', session.sessionId);
  expect(gone.success === true, 'the session is deleted', gone);
  await refused('sessions.getSession', 404, 'SESSION_NOT_FOUND', session.sessionId);
}

async function jobs(ada) {
  const quick = { interval: 50, maxAttempts: 400 };
  const wish = (content) => ({ agentId: ada.id, userId: user, content, timeoutMs: 20_000, metadata: { which: content } });
  const job = await call('jobs.create', wish('First job'));
  const polled = await call('jobs.poll', job.jobId, quick);
  expect(polled.success === true && polled.job.status === 'completed', 'the job is completed', polled);
  const done = await call('jobs.getJob', job.jobId);
  expect(done.result?.message.content === 'Stub reply to: First job', 'the reply is the result', done);
  await call('jobs.createAndPoll', wish('Second job'), quick);
  await call('jobs.createAndPollWithBackoff', wish('Third job'), { initialInterval: 20, maxInterval: 100 });
  const answer = await call('jobs.ask', user, 'Fourth job', ada.id, quick);
  expect(answer === 'Stub reply to: Fourth job', 'the reply is the answer', answer);
  const { jobs } = await call('jobs.list', { limit: 10, status: 'completed' });
  expect(jobs?.length === 4, 'the jobs are listed', jobs);
  const health = await call('jobs.health');
  expect(health.statusCounts?.completed === 4, 'the jobs are counted', health);
}

async function runsAndLogs(ada) {
  const { runs } = await call('runs.listRuns', ada.id, { limit: 50, status: 'completed', from: Date.now() - 600_000, to: Date.now() + 60_000 });
  expect(runs?.length > 4, 'the runs are listed', runs);
  const run = runs?.[0] ?? {};
  const detail = await call('runs.getRun', ada.id, run.runId, run.roomId);
  expect(detail.events?.some((event) => event.type === 'MODEL_USED'), 'the run tells that the model was used', detail);

  const logs = await call('agents.getAgentLogs', ada.id, { limit: 20, from: new Date(0) });
  expect(logs.length > 0, 'the agent has logs', logs);
  await call('agents.deleteAgentLog', ada.id, logs[0]?.id);
  const left = await client.agents.getAgentLogs(ada.id, { limit: 200 });
  expect(!left.some((log) => log.id === logs[0]?.id), 'the log is gone', left);
}

async function memories(ada) {
  const channel = await client.messaging.getOrCreateDmChannel({ participantIds: [user, ada.id] });
  const say = async (text) => {
    const session = await client.sessions.createSession({ agentId: ada.id, userId: friend });
    await client.sessions.sendMessageSync(session.sessionId, { content: text });
    return session;
  };
  const first = await say('Remember the first.');
  const second = await say('Remember the second.');

  const { memories } = await call('memory.getAgentMemories', ada.id, { tableName: 'messages', limit: 100 });
  expect(memories?.some((one) => one.content.text === 'Remember the second.'), 'what was said is remembered', memories);
  const { rooms } = await call('memory.listAgentRooms', ada.id);
  const room = rooms?.find((room) => room.channelId === first.channelId) ?? {};
  await call('memory.getRoom', ada.id, room.id);
  await call('memory.createRoom', ada.id, { name: 'A room of one’s own', type: 'GROUP', metadata: { quiet: true } });

  const { memories: mine } = await call('memory.getRoomMemories', ada.id, first.channelId, { limit: 10 });
  expect(mine?.length === 2, 'both sides are remembered', mine);
  const { data } = await call('memory.getAgentInternalMemories', ada.id, first.channelId, true);
  expect(data?.length === 2, 'the same, as the agent sees it', data);
  const [reply, said] = mine ?? [{}, {}];
  const updated = await call('memory.updateMemory', ada.id, said.id, { content: { text: 'Remember the other.' } });
  expect(updated.content?.text === 'Remember the other.', 'the change holds', updated);
  await call('memory.updateAgentInternalMemory', ada.id, reply.id, { content: { text: 'I do.' }, metadata: { type: 'custom' } });
  await call('memory.deleteMemory', ada.id, said.id);
  await call('memory.deleteAgentInternalMemory', ada.id, reply.id);
  const { memories: none } = await call('memory.getRoomMemories', ada.id, first.channelId);
  expect(none?.length === 0, 'both are forgotten', none);

  const cleared = await call('memory.clearRoomMemories', ada.id, second.channelId);
  expect(cleared.deleted === 2, 'the room is forgotten', cleared);
  await call('memory.deleteAllAgentInternalMemories', ada.id, second.channelId);
  const all = await call('memory.clearAgentMemories', ada.id);
  expect(all.deleted > 0, 'everything is forgotten', all);
  const { memories: nothing } = await client.memory.getAgentMemories(ada.id, {});
  expect(nothing.length === 0, 'there is nothing left', [channel.id, nothing]);
}

async function media(ada) {
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  );
  const fetched = async (url) => Buffer.from(await (await fetch(new URL(url, baseUrl))).arrayBuffer());
  const blob = new Blob([png], { type: 'image/png' });
  const ofAgent = await call('media.uploadAgentMedia', ada.id, { file: blob, filename: 'dot.png', contentType: 'image/png', metadata: { a: 1 } });
  expect(png.equals(await fetched(ofAgent.url)), 'the file is served as it came', ofAgent);
  const channel = await client.messaging.getOrCreateDmChannel({ participantIds: [user, ada.id] });
  const ofChannel = await call('media.uploadChannelMedia', channel.id, new File([png], 'dot.png', { type: 'image/png' }));
  expect(png.equals(await fetched(ofChannel.url)), 'the file is served as it came', ofChannel);
}

async function audio(ada) {
  const spoken = await call('audio.generateSpeech', ada.id, { text: 'Good day.', speed: 1 });
  const speech = Buffer.from(spoken.audio ?? '', 'base64');
  expect(speech.length > 0, 'there is something to be heard', spoken);
  const { text } = await call('audio.transcribe', ada.id, { audio: speech, language: 'en' });
  expect(text?.length > 0, 'something was heard', text);
  const again = await call('audio.transcribe', ada.id, { audio: `data:audio/mpeg;base64,${spoken.audio}`, format: 'mp3' });
  expect(again.text === text, 'the same from a data URL', again);
  const conversation = await call('audio.speechConversation', ada.id, { audio: speech, format: 'mp3', metadata: { a: 1 } });
  expect(conversation.audio?.length > 0, 'the answer is spoken', conversation);
  await call('audio.processSpeech', ada.id, new Blob([speech], { type: 'audio/mpeg' }), { a: 1 });
  const session = await client.sessions.createSession({ agentId: ada.id, userId: user });
  const { userMessage } = await client.sessions.sendMessageSync(session.sessionId, { content: 'Say this.' });
  const message = await call('audio.synthesizeAudioMessage', ada.id, { messageId: userMessage.id, format: 'mp3' });
  expect(message.audio?.length > 0, 'the message is spoken', message);
}

async function theEnd(ada) {
  await call('agents.stopAgent', ada.id);
  await call('agents.deleteAgent', ada.id);
  const stopped = await call('server.stopServer');
  expect(stopped.success === true, 'the server says that it ends', stopped);
}
