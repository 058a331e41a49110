// A person before the real web interface, in a headless browser; and somebody who looks over their
// shoulder, for what the server refuses and what the console complains of.

import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

/** The browser that the environment names, or else the one on the path. */
function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'chromium')).find(existsSync);
}

export class Person {
  /** What went wrong. */
  problems = [];
  /** What the interface does wrong by itself, whoever serves it: `{ pattern, reason }`. */
  noise = [];
  /** Events that came over the socket, in order: their names and arguments. */
  events = [];
  // What was asked of the API, with ids and names left out, and how often.
  #asked = new Map();
  #elsewhere = new Map();
  #shots = 0;

  /**
   * Opens a browser for that server, which leaves screenshots in that folder; what is said into its
   * microphone is that recording, again and again.
   */
  static async at(server, folder, recording) {
    const person = new Person();
    mkdirSync(folder, { recursive: true });
    const browser = await chromium.launch({
      executablePath: executable(),
      args: [
        '--no-sandbox',
        '--disable-background-networking',
        '--use-fake-device-for-media-stream',
        ...(recording ? [`--use-file-for-fake-audio-capture=${recording}`] : []),
      ],
    });
    const context = await browser.newContext({
      viewport: { width: 1500, height: 900 },
      // The interface is dark whatever one likes; so are panels of those who like it dark.
      colorScheme: 'dark',
      permissions: ['microphone'],
    });
    // A guard against hanging, not a measure.
    context.setDefaultTimeout(60_000);
    // The interface asks other sites for its newest version and for a list of plugins. A test
    // depends on no other site, and whether they answer says nothing about the server.
    await context.route(
      (url) => url.origin !== server,
      (route) => {
        const { origin } = new URL(route.request().url());
        count(person.#elsewhere, origin);
        const headers = { 'access-control-allow-origin': '*' };
        return route.fulfill({ json: {}, headers });
      },
    );
    const page = await context.newPage();
    Object.assign(person, { server, folder, browser, page });
    person.card = (name) => page.getByTestId('agent-card').filter({ hasText: name });
    person.toggle = (name) => page.getByRole('switch', { name: `Toggle ${name}` });
    person.input = page.getByTestId('chat-input');
    person.messages = page.getByTestId('chat-messages');
    return person;
  }

  /** Complains from now on. */
  watch() {
    const { page, server } = this;
    const named = (request) => `${request.method()} ${request.url().replace(server, '')}`;
    page.on('pageerror', (error) => this.#complain(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      this.#complain(`console: ${message.text()} (${message.location().url})`);
    });
    page.on('response', (response) => {
      const [request, status] = [response.request(), response.status()];
      const { pathname, origin } = new URL(request.url());
      if (origin === server && /^\/(api|media)\//.test(pathname)) {
        const id = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
        const kind = pathname.replace(id, ':id').replace(/[^/]*\d{6,}.*/, ':name');
        count(this.#asked, `${status} ${request.method()} ${kind}`);
      }
      if (status >= 400) this.#complain(`${status}: ${named(request)}`);
    });
    page.on('requestfailed', (request) => {
      const { errorText } = request.failure();
      // The page was left before it was answered.
      if (errorText === 'net::ERR_ABORTED') return;
      this.#complain(`${errorText}: ${named(request)}`);
    });
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => {
        const packet = String(payload);
        if (packet.startsWith('42')) this.events.push(JSON.parse(packet.slice(2)));
      });
    });
  }

  #complain(text) {
    const known = this.noise.find(({ pattern }) => pattern.test(text));
    if (known) known.times = (known.times ?? 0) + 1;
    else this.problems.push(text);
  }

  /** Does one thing, and takes a picture of what is to be seen then. */
  async step(what, act) {
    console.log(what);
    try {
      await act();
    } finally {
      this.#shots += 1;
      const name = `${String(this.#shots).padStart(2, '0')}-${what.replace(/[^a-z]+/gi, '-')}.png`;
      await this.page.screenshot({ path: join(this.folder, name) });
    }
  }

  /** Waits until the switch of that agent is so. */
  async isSwitched(name, state) {
    const toggle = `[role=switch][aria-label="Toggle ${name}"][data-state=${state}]`;
    await this.page.locator(toggle).waitFor();
  }

  /** Waits until one can type. */
  async mayType() {
    await this.input.and(this.page.locator(':enabled')).waitFor();
  }

  async say(text) {
    await this.mayType();
    await this.input.fill(text);
    await this.page.getByTestId('send-button').click();
  }

  /** Waits until the agent has said that, and is done. */
  async hears(text) {
    await this.messages.getByText(text, { exact: true }).first().waitFor();
    await this.mayType();
  }

  /** Opens the tab beside the chat, and answers with what it shows. */
  async tab(name) {
    await this.page.getByRole('tab', { name, exact: true }).click();
    return this.page.getByRole('tabpanel', { name, exact: true });
  }

  /** Goes through all of it; the process fails if anything went wrong. */
  async through(acts) {
    try {
      await acts();
    } catch (error) {
      this.problems.push(error.stack);
    } finally {
      await this.browser.close();
    }
    for (const [what, times] of [...this.#asked].sort()) {
      console.log(`${String(times).padStart(4)} ${what}`);
    }
    for (const [origin, times] of this.#elsewhere) console.log(`asked ${origin} ${times} times`);
    for (const { reason, times } of this.noise) console.log(`${times ?? 0} times: ${reason}`);
    for (const problem of this.problems) console.log(`PROBLEM ${problem}`);
    process.exitCode = this.problems.length > 0 ? 1 : 0;
  }
}

function count(map, key) {
  map.set(key, (map.get(key) ?? 0) + 1);
}
