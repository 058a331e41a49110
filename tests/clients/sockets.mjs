// Talks over Socket.IO with the real socket.io-client, by each of its transports:
// `node sockets.mjs <base url> [token]`.
import { randomUUID } from 'node:crypto';
import { ElizaClient } from '@elizaos/api-client';
import { Checks } from './checks.mjs';
import { Listener } from './listener.mjs';

const [url, token] = process.argv.slice(2);
const SERVER = '00000000-0000-0000-0000-000000000000';

/** More events than the server keeps ready for one who comes back. */
const MANY = 300;

/** Clients that speak while they are upgraded. */
const HASTY = 20;

const client = ElizaClient.create({ baseUrl: url, apiKey: token || undefined });
const user = randomUUID();
const friend = randomUUID();

const agent = await client.agents.createAgent({ agent: { name: 'Ada', bio: ['Thinks about engines.'] } });
await client.agents.startAgent(agent.id);

for (const [name, options] of [
  ['polling', { transports: ['polling'] }],
  ['websocket', { transports: ['websocket'] }],
  ['upgrade', { transports: ['polling', 'websocket'] }],
]) {
  const checks = new Checks();
  const connect = (entityId) => new Listener(url, entityId, { ...options, auth: { entityId, apiKey: token || undefined } });
  const mine = connect(user);
  const theirs = connect(friend);
  try {
    await connected(checks, name, mine, theirs);
    const channel = await client.messaging.createGroupChannel({
      name: `By ${name}`,
      participantIds: [user, friend, agent.id],
      metadata: { type: 'DM' },
    });
    await joined(checks, channel.id, mine, theirs);
    await said(checks, channel.id, mine, theirs);
    await refused(checks, mine);
    await logged(checks, channel.id, mine);
    await continued(checks, channel.id, mine, theirs);
    await missed(checks, connect);
  } catch (error) {
    checks.expect(false, error.message);
  }
  mine.close();
  theirs.close();
  checks.report(`socket.io-client, ${name}${token ? ', with a token' : ''}`);
}
await hasty(new Checks());
await authenticated(new Checks());

async function connected(checks, name, mine, theirs) {
  const { entityId } = await mine.next('authenticated');
  checks.same(entityId, user, 'the client is told who it is');
  const { socketId } = await mine.next('connection_established');
  checks.same(socketId, mine.socket.id, 'the client is told its socket');
  checks.same(mine.heard.map(([event]) => event).slice(0, 3), ['connect', 'authenticated', 'connection_established'], 'in that order');
  await theirs.next('connection_established');
  for (const listener of [mine, theirs]) {
    if (name === 'upgrade') {
      await listener.upgraded();
    }
    checks.same(listener.transport, name === 'polling' ? 'polling' : 'websocket', 'the transport is the one wanted');
  }
}

async function joined(checks, channelId, mine, theirs) {
  const room = await mine.join(channelId, { entityId: user, agentId: agent.id, messageServerId: SERVER, metadata: { isDm: true } });
  const [again] = mine.of('channel_joined');
  checks.same(again, room, 'joining is answered under both names');
  checks.same([room.roomId, room.agentId, typeof room.offset], [channelId, agent.id, 'number'], 'with the channel, the agent and the offset');
  checks.expect(room.message.includes(mine.socket.id), 'and the socket', room);
  const from = theirs.mark;
  theirs.socket.emit('1', { roomId: channelId });
  await theirs.next('room_joined', from);
  checks.expect(true, 'joining works under its number as well');
}

/** Sends a message, and waits until everyone is done with it; answers with its acknowledgement. */
async function say(channelId, speaker, message, listeners, by = user) {
  const from = listeners.map((listener) => listener.mark);
  const start = speaker.mark;
  const messageId = `temp-${randomUUID()}`;
  speaker.socket.emit('message', {
    type: 2,
    payload: {
      channelId, messageServerId: SERVER, senderId: by, senderName: 'Somebody', message, messageId,
      source: 'client_chat', metadata: { channelType: 'DM', isDm: true, targetUserId: agent.id },
    },
  });
  const ack = await speaker.next('messageAck', start, (told) => told.clientMessageId === messageId);
  const isDone = (told) => told.messageId === undefined || told.messageId === ack.messageId;
  await Promise.all(listeners.map((listener, index) => listener.next('messageComplete', from[index], isDone)));
  return ack;
}

async function said(checks, channelId, mine, theirs) {
  const both = [mine, theirs];
  const from = both.map((listener) => listener.mark);
  const text = 'How does a difference engine work?';
  const reply = `Stub reply to: ${text}`;
  const ack = await say(channelId, mine, text, both);
  checks.same([ack.status, ack.channelId, ack.roomId], ['received_by_server_and_processing', channelId, channelId], 'a message is acknowledged');
  // What comes of the next shows that nothing else comes of this one.
  await say(channelId, theirs, 'Thank you.', both, friend);

  both.forEach((listener, index) => {
    const who = index === 0 ? 'the author' : 'the other';
    const told = listener.of('messageBroadcast', from[index]);
    const [own, ...more] = told.filter((one) => one.id === ack.messageId);
    checks.same(more.length, 0, `${who} is told of the message exactly once`);
    checks.same([own.text, own.senderId, own.senderName, own.channelId, own.roomId], [text, user, 'Somebody', channelId, channelId], `${who} is told the message`);
    checks.same([own.messageServerId, own.serverId, own.source, typeof own.createdAt], [SERVER, SERVER, 'client_chat', 'number'], `${who} is told where it was said`);
    checks.same('clientMessageId' in own, index === 0, `${who} is ${index === 0 ? '' : 'not '}told the client's own id`);
    const answers = told.filter((one) => one.senderId === agent.id && one.text === reply);
    checks.same(answers.length, 1, `${who} is told the answer exactly once`);
    const [answer] = answers;
    checks.same([answer?.source, answer?.senderName], ['agent_response', 'Ada'], `${who} is told whose answer it is`);
    const chunks = listener.of('messageStreamChunk', from[index]).filter((chunk) => chunk.messageId === answer?.id);
    checks.expect(chunks.length > 1, `${who} hears the answer in pieces`, chunks);
    checks.same(chunks.map((chunk) => chunk.index), chunks.map((_, place) => place), `${who} hears them in order`);
    checks.same(chunks.map((chunk) => chunk.chunk).join(''), reply, `${who} hears all of it`);
    checks.expect(chunks.every((chunk) => chunk.channelId === channelId && chunk.agentId === agent.id), `${who} knows whose pieces they are`, chunks);
    const names = listener.heard.slice(from[index]).map(([event, payload]) => [event, payload?.messageId ?? payload?.id]);
    const last = names.findLastIndex(([event, id]) => event === 'messageStreamChunk' && id === answer?.id);
    const whole = names.findIndex(([event, id]) => event === 'messageBroadcast' && id === answer?.id);
    const complete = names.findIndex(([event]) => event === 'messageComplete');
    checks.expect(last < whole && whole < complete, `${who} hears pieces, then the whole, then the end`, names);
    const ends = listener.of('messageComplete', from[index]);
    checks.same(ends.length, 2, `${who} is told the end of each message exactly once`);
    const durable = listener.sequence(channelId, 0, from[index]).map(([offset]) => offset);
    checks.expect(durable.every((offset, place) => place === 0 ? offset > 0 : offset >= durable[place - 1]), `${who} is told an offset with everything, ascending`, durable);
  });
}

async function refused(checks, mine) {
  const from = mine.mark;
  mine.socket.emit('message', { type: 1, payload: {} });
  const first = await mine.next('messageError', from);
  checks.same(first.error, 'channelId is required for joining.', 'joining nothing is refused');
  const next = mine.mark;
  mine.socket.emit('message', { type: 2, payload: { channelId: randomUUID(), messageServerId: SERVER, senderId: user, message: '' } });
  const { error } = await mine.next('messageError', next);
  checks.expect(error.startsWith('For SEND_MESSAGE: channelId'), 'saying nothing is refused', error);
  const last = mine.mark;
  const lost = randomUUID();
  mine.socket.emit('2', { channelId: randomUUID(), messageServerId: lost, senderId: user, message: 'x' });
  const missing = await mine.next('messageError', last);
  checks.same(missing.error, `Server ${lost} does not exist`, 'a server that is not there is named');
}

async function logged(checks, channelId, mine) {
  const log = (level, message) => client.server.submitLogs([{ level, message, source: 'a test' }]);
  const ask = async (answer, event, ...data) => {
    const from = mine.mark;
    mine.socket.emit(event, ...data);
    return mine.next(answer, from);
  };
  checks.same(await ask('log_filters_updated', 'update_log_filters', { level: 'warn' }),
    { success: false, error: 'Not subscribed to log stream' }, 'who does not watch the log has no filters');
  checks.same((await ask('log_subscription_confirmed', 'subscribe_logs')).subscribed, true, 'the log may be watched');
  checks.same(await ask('log_filters_updated', 'update_log_filters', { level: 'warn' }),
    { success: true, filters: { level: 'warn' } }, 'with a filter');
  const from = mine.mark;
  const [quiet, loud, late] = [randomUUID(), randomUUID(), randomUUID()];
  await log('info', quiet);
  await log('error', loud);
  const line = await mine.next('log_stream', from, (entry) => entry.payload.msg.includes(loud));
  checks.same([line.type, line.payload.level, typeof line.payload.time], ['log_entry', 50, 'number'], 'its lines come');
  checks.expect(!JSON.stringify(mine.of('log_stream', from)).includes(quiet), 'but not those below the level');
  checks.same(await ask('log_filters_updated', 'update_log_filters', { agentName: 'Nobody' }),
    { success: true, filters: { agentName: 'Nobody', level: 'warn' } }, 'filters are merged');
  checks.same((await ask('log_subscription_confirmed', 'unsubscribe_logs')).subscribed, false, 'it need not be watched any longer');
  await log('error', late);
  await say(channelId, mine, 'And now?', [mine]);
  checks.expect(!JSON.stringify(mine.of('log_stream', from)).includes(late), 'and then no line comes');
}

async function continued(checks, channelId, mine, theirs) {
  const begin = theirs.mark;
  const after = mine.sequence(channelId, 0).at(-1)[0];
  // On purpose, and by a broken connection.
  for (const [how, part] of [
    ['asked to go', () => mine.socket.disconnect()],
    ['cut off', () => mine.socket.io.engine.close()],
  ]) {
    const offset = mine.sequence(channelId, 0).at(-1)[0];
    const from = mine.mark;
    mine.socket.io.reconnection(how === 'cut off');
    part();
    await mine.next('disconnect', from);
    await say(channelId, theirs, `After it was ${how}`, [theirs], friend);
    await say(channelId, theirs, 'and once more', [theirs], friend);
    if (how === 'asked to go') {
      mine.socket.connect();
    }
    await mine.next('connection_established', from);
    await mine.join(channelId, { offset });
    const missed = theirs.sequence(channelId, offset, begin);
    checks.same(missed.length, 6, `who was ${how} has missed two talks`);
    checks.same(mine.sequence(channelId, offset, from), missed, 'and is told of them, nothing more or less');
    await say(channelId, mine, 'Back again.', [mine, theirs]);
    checks.same(mine.sequence(channelId, after), theirs.sequence(channelId, after), 'and hears on without a gap or a double');
  }
}

/** Who asks for more than is kept ready is told so. */
async function missed(checks, connect) {
  const channel = await client.messaging.createGroupChannel({ name: 'Long', participantIds: [user] });
  for (let sent = 0; sent < MANY; sent += 100) {
    const messages = Array.from({ length: 100 }, (_, index) => ({
      id: `${sent + index}`, authorId: friend, content: `Message ${sent + index}`, timestamp: Date.now(),
    }));
    await client.messaging.ingestExternalMessages({ platform: 'elsewhere', channelId: channel.id, messages });
  }
  const late = connect(user);
  await late.next('connection_established');
  const from = late.mark;
  const { offset } = await late.join(channel.id, { offset: 1 });
  const [gap, ...more] = late.of('channelGap', from);
  checks.same([more.length, gap?.channelId], [0, channel.id], 'who asks for too much is told of one gap');
  const told = late.sequence(channel.id, 0, from).map(([at]) => at);
  const wanted = Array.from({ length: offset - gap.through }, (_, index) => gap.through + 1 + index);
  checks.expect(wanted.length > 0 && [...new Set(told)].join() === wanted.join(), 'and of everything after it', { offset, gap, told });
  late.close();
}

/** Clients that do not wait for the upgrade: what they say meanwhile is neither lost nor doubled. */
async function hasty(checks) {
  const channel = await client.messaging.createGroupChannel({ name: 'Busy', participantIds: [user] });
  const listeners = Array.from({ length: HASTY }, () => new Listener(url, user, { auth: { entityId: user, apiKey: token || undefined } }));
  const each = async (what) => (await Promise.all(listeners.map(what))).every(Boolean);
  const said = await each(async (listener, index) => {
    await listener.next('connection_established');
    await listener.join(channel.id);
    const ids = Array.from({ length: 5 }, (_, place) => `${index}-${place}`);
    for (const messageId of ids) {
      const payload = { channelId: channel.id, messageServerId: SERVER, senderId: user, message: messageId, messageId };
      listener.socket.emit('message', { type: 2, payload });
    }
    await Promise.all(ids.map((id) => listener.next('messageAck', 0, (ack) => ack.clientMessageId === id)));
    return listener.of('messageAck').map((ack) => ack.clientMessageId).join() === ids.join();
  });
  checks.expect(said, `${HASTY} clients say five things each before they are upgraded, acknowledged in order`);
  await Promise.all(listeners.map((listener) => listener.upgraded()));
  checks.expect(listeners.every((listener) => listener.transport === 'websocket'), 'all of them are upgraded');
  const last = await say(channel.id, listeners[0], 'the last', []);
  const all = await each(async (listener) => {
    await listener.next('messageBroadcast', 0, (one) => one.id === last.messageId);
    const own = listener.of('messageBroadcast').filter((one) => one.clientMessageId !== undefined);
    const ids = listener.of('messageBroadcast').map((one) => one.id);
    return new Set(ids).size === ids.length && own.length === (listener === listeners[0] ? 6 : 5);
  });
  checks.expect(all, 'each was told of its own, and of nothing twice');
  listeners.forEach((listener) => listener.close());
  checks.report(`socket.io-client, while it is upgraded${token ? ', with a token' : ''}`);
}

/** Who is let in. */
async function authenticated(checks) {
  const options = { transports: ['websocket'], reconnection: false };
  const key = token || undefined;
  const cases = [
    ['without an id', { auth: { apiKey: key } }, 'Valid entityId required'],
    ['with an odd id', { auth: { entityId: 'somebody', apiKey: key } }, 'Valid entityId required'],
    ['with all', { auth: { entityId: user, apiKey: key } }, undefined],
  ];
  if (token) {
    cases.push(
      ['without a key', { auth: { entityId: user } }, 'Invalid or missing API Key'],
      ['with a wrong key', { auth: { entityId: user, apiKey: 'wrong' } }, 'Invalid or missing API Key'],
      ['with the key in a header', { auth: { entityId: user }, extraHeaders: { 'x-api-key': token } }, undefined],
    );
  }
  for (const [what, more, refusal] of cases) {
    const listener = new Listener(url, user, { ...options, ...more });
    if (refusal === undefined) {
      await listener.next('authenticated');
      checks.expect(true, `a client ${what} is let in`);
    } else {
      checks.same(await listener.next('connect_error'), refusal, `a client ${what} is told: ${refusal}`);
      checks.same(listener.of('authenticated'), [], 'and hears nothing else');
    }
    listener.close();
  }
  checks.report(`socket.io-client, authentication${token ? ', with a token' : ''}`);
}
