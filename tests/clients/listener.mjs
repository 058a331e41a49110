// A real socket.io-client that keeps everything it is told, in order.
import { io } from 'socket.io-client';
import { PATIENCE_MS } from './checks.mjs';

/** Events of a channel's durable sequence. */
const DURABLE = ['messageBroadcast', 'messageComplete', 'messageDeleted', 'channelUpdated', 'channelCleared'];

/** How long is waited between two looks at what cannot be waited for. */
const GLANCE_MS = 10;

/** A connection and all that it has heard. */
export class Listener {
  /** What was heard: `[name, payload]`. */
  heard = [];
  #waiting = [];

  /** Begins to connect; `options` are those of socket.io-client. */
  constructor(url, entityId, options) {
    this.socket = io(url, { auth: { entityId }, forceNew: true, reconnectionDelay: 50, ...options });
    this.socket.onAny((name, payload) => this.#take(name, payload));
    this.socket.on('connect', () => this.#take('connect', null));
    this.socket.on('connect_error', (error) => this.#take('connect_error', error.message));
    this.socket.on('disconnect', (reason) => this.#take('disconnect', reason));
  }

  #take(name, payload) {
    this.heard.push([name, payload]);
    this.#waiting = this.#waiting.filter((look) => !look());
  }

  /** How much was heard so far. */
  get mark() {
    return this.heard.length;
  }

  /** The payloads of an event, from a mark on. */
  of(name, from = 0) {
    return this.heard.slice(from).flatMap(([heard, payload]) => (heard === name ? [payload] : []));
  }

  /** Waits for an event whose payload is the wanted one; it may be there already, from a mark on. */
  async next(name, from = 0, is = () => true) {
    const find = () => this.of(name, from).find(is);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`no ${name} within ${PATIENCE_MS} ms; heard: ${JSON.stringify(this.heard.slice(from))}`));
      }, PATIENCE_MS);
      const look = () => {
        const found = find();
        if (found === undefined) {
          return false;
        }
        clearTimeout(late);
        resolve(found);
        return true;
      };
      if (!look()) {
        this.#waiting.push(look);
      }
    });
  }

  /** The transport in use. */
  get transport() {
    return this.socket.io.engine.transport.name;
  }

  /** Waits until the connection is a websocket. */
  async upgraded() {
    const late = Date.now() + PATIENCE_MS;
    while (this.transport !== 'websocket') {
      if (Date.now() > late) {
        throw new Error(`no upgrade within ${PATIENCE_MS} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, GLANCE_MS));
    }
  }

  /** Joins a channel, and waits until that is done. */
  async join(channelId, more = {}) {
    const from = this.mark;
    this.socket.emit('message', { type: 1, payload: { channelId, ...more } });
    return this.next('room_joined', from, (joined) => joined.channelId === channelId);
  }

  /** What was heard of a channel's durable sequence after an offset, as `[offset, name, id]`. */
  sequence(channelId, after, from = 0) {
    const told = this.heard.slice(from).filter(([name, payload]) => DURABLE.includes(name) && payload.channelId === channelId);
    const lines = told.map(([name, payload]) => [payload.offset, name, payload.id ?? payload.messageId ?? null]);
    return lines.filter(([offset]) => offset === undefined || offset > after);
  }

  /** Leaves. */
  close() {
    this.socket.disconnect();
  }
}
