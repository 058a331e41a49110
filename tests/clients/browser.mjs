// The real web interface in a headless browser, as a person uses it.
//
//     node browser.mjs <address of the server> <address of its model> <folder for screenshots>
//
// The server serves the interface, has an agent named Bob that runs, and a model whose answer to
// "!half ..." waits in the middle until its address /release is asked for.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, crc32 } from 'node:zlib';
import { chromium } from 'playwright-core';

const [server, model, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

// What the interface does wrong by itself, whoever serves it; each with its reason.
const NOISE = [];

const problems = [];

function isNoise(text) {
  const known = NOISE.find(({ pattern }) => pattern.test(text));
  if (known) known.seen = (known.seen ?? 0) + 1;
  return known !== undefined;
}

function complain(text) {
  if (!isNoise(text)) problems.push(text);
}

/** A picture of one colour: 8 bits each of red, green and blue, unfiltered. */
function png(width, height, colour) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), ...Array(width).fill(Buffer.from(colour))]);
  const rows = deflateSync(Buffer.concat(Array(height).fill(row)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const parts = [chunk('IHDR', head), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
});
const context = await browser.newContext({ viewport: { width: 1500, height: 900 } });
context.setDefaultTimeout(20_000);

// It asks other sites for its newest version and for a list of plugins. A test depends on no other
// site, and whether they answer says nothing about the server.
const elsewhere = new Map();
await context.route(
  (url) => url.origin !== server,
  (route) => {
    const { origin } = new URL(route.request().url());
    elsewhere.set(origin, (elsewhere.get(origin) ?? 0) + 1);
    return route.fulfill({
      json: {},
      headers: { 'access-control-allow-origin': '*' },
    });
  },
);

const page = await context.newPage();
page.on('pageerror', (error) => complain(`uncaught: ${error.message}`));
page.on('console', (message) => {
  if (message.type() === 'error') complain(`console: ${message.text()} (${message.location().url})`);
});
page.on('response', (response) => {
  const request = response.request();
  if (response.status() >= 400) {
    complain(`${response.status()}: ${request.method()} ${request.url().replace(server, '')}`);
  }
});
page.on('requestfailed', (request) => {
  const { errorText } = request.failure();
  // The page was left before it was answered.
  if (errorText === 'net::ERR_ABORTED') return;
  complain(`${errorText}: ${request.method()} ${request.url().replace(server, '')}`);
});
// What comes over the socket, in order.
const events = [];
page.on('websocket', (socket) => {
  socket.on('framereceived', ({ payload }) => {
    const packet = String(payload);
    if (packet.startsWith('42')) events.push(JSON.parse(packet.slice(2)));
  });
});

let shots = 0;
async function step(what, act) {
  console.log(what);
  let failure;
  try {
    await act();
  } catch (error) {
    failure = error;
  }
  shots += 1;
  const name = `${String(shots).padStart(2, '0')}-${what.replace(/[^a-z]+/gi, '-')}.png`;
  await page.screenshot({ path: join(folder, name) });
  if (failure) throw failure;
}

const card = (name) => page.getByTestId('agent-card').filter({ hasText: name });
const toggle = (name) => page.getByRole('switch', { name: `Toggle ${name}` });
const input = page.getByTestId('chat-input');
const messages = page.getByTestId('chat-messages');

async function isOn(name, state) {
  await page.locator(`[role=switch][aria-label="Toggle ${name}"][data-state=${state}]`).waitFor();
}

async function say(text) {
  await input.and(page.locator(':enabled')).fill(text);
  await page.getByTestId('send-button').click();
}

async function tab(name) {
  await page.getByRole('tab', { name, exact: true }).click();
  return page.getByRole('tabpanel', { name, exact: true });
}

try {
  await step('lists agents', async () => {
    await page.goto(`${server}/`);
    await page.getByRole('button', { name: 'Skip' }).click();
    await card('Bob').waitFor();
    await isOn('Bob', 'checked');
  });

  await step('creates an agent', async () => {
    await page.getByText('Create New Agent').click();
    await page.waitForURL('**/create');
    await page.locator('input[name=name]').fill('Ada');
    await page.locator('textarea[name=system]').fill('You are Ada. Answer briefly.');
    await page.getByRole('button', { name: 'Save' }).click();
  });

  await step('saves it without the secrets of plugins', async () => {
    const anyway = page.getByRole('button', { name: 'Save Anyway' });
    await anyway.or(card('Ada')).first().waitFor();
    if (await anyway.isVisible()) await anyway.click();
    await card('Ada').waitFor();
    await isOn('Ada', 'unchecked');
  });

  await step('starts it', async () => {
    await toggle('Ada').click();
    await isOn('Ada', 'checked');
  });
} catch (error) {
  problems.push(error.stack);
} finally {
  await browser.close();
}
for (const [origin, times] of elsewhere) console.log(`asked ${origin} ${times} times`);
for (const { reason, seen } of NOISE) console.log(`passed over ${seen ?? 0} times: ${reason}`);
assert.deepEqual(problems, []);
