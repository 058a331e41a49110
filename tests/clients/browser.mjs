// The real web interface in a headless browser, as a person uses it.
//
//     node browser.mjs <address of the server> <address of its model> <folder for screenshots>
//
// The server serves the interface, has an agent named Bob that runs, and a model whose answer to
// "!half ..." waits in the middle until its address /release is asked for.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
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

// Its answer is said in halves.
const HALVED = '!half of an answer makes a start, and the other half comes to an end';

const RED = [200, 30, 30];

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

/** The browser that the environment names, or else the one on the path. */
function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'chromium')).find(existsSync);
}

const browser = await chromium.launch({
  executablePath: executable(),
  args: ['--no-sandbox', '--disable-background-networking'],
});
const context = await browser.newContext({
  viewport: { width: 1500, height: 900 },
  // The interface is dark whatever one likes; so are panels of those who like it dark.
  colorScheme: 'dark',
});
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
// What was asked of the API, with ids and numbers left out.
const asked = new Map();
page.on('response', (response) => {
  const request = response.request();
  const { pathname, origin } = new URL(request.url());
  if (origin === server && /^\/(api|media)\//.test(pathname)) {
    const kind = pathname.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id').replace(/[0-9]{6,}.*/, ':name');
    const what = `${response.status()} ${request.method()} ${kind}`;
    asked.set(what, (asked.get(what) ?? 0) + 1);
  }
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

const enabled = (field) => field.and(page.locator(':enabled')).waitFor();

async function say(text) {
  await enabled(input);
  await input.fill(text);
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

  await step('opens a chat', async () => {
    await card('Ada').click();
    await page.waitForURL('**/chat/*/*');
    await page.getByTestId('connection-status').getByText('Connected').waitFor();
    await messages.getByText('No messages yet').waitFor();
  });

  await step('sees the answer while it is made', async () => {
    await say(HALVED);
    const begun = messages.getByText('Stub reply to: !half');
    await begun.waitFor();
    assert.ok(!(await begun.innerText()).includes('an end'), 'nobody has said the end yet');
    assert.equal(await input.isEnabled(), false);
  });

  await step('sees the whole answer', async () => {
    await fetch(`${model}/release`);
    await messages.getByText(`Stub reply to: ${HALVED}`).waitFor();
    await enabled(input);
    const names = events.map(([name]) => name);
    assert.ok(names.filter((name) => name === 'messageStreamChunk').length > 1, names.join());
    assert.ok(names.includes('messageBroadcast') && names.includes('messageComplete'), names.join());
  });

  await step('finds the chat again', async () => {
    await page.reload();
    await messages.getByText(`Stub reply to: ${HALVED}`).waitFor();
    assert.equal(await messages.getByText(HALVED).count(), 2);
  });

  await step('sends a picture', async () => {
    const picture = { name: 'a red square.png', mimeType: 'image/png', buffer: png(64, 64, RED) };
    await page.locator('input[type=file]').setInputFiles(picture);
    await page.getByRole('img', { name: 'Selected file' }).waitFor();
    await say('What is in this picture?');
    const shown = messages.locator('img[src*="/media/uploads/"]');
    await shown.waitFor();
    const width = await shown.evaluate(async (image) => {
      await image.decode();
      return image.naturalWidth;
    });
    assert.equal(width, 64);
    await messages.getByText('Stub reply to: What is in this picture?').waitFor();
    await enabled(input);
  });

  await step('sees its settings', async () => {
    await page.locator('button:has(svg.lucide-panel-right)').click();
    const details = await tab('Details');
    await details.locator('input[name=name]').waitFor();
    assert.equal(await details.locator('input[name=name]').inputValue(), 'Ada');
  });

  await step('sees its runs', async () => {
    const runs = await tab('Timeline');
    await runs.getByText('TEXT_LARGE').first().waitFor();
  });

  await step('sees its calls of the model', async () => {
    const calls = await tab('Model Calls');
    await calls.getByText('TEXT_LARGE').first().waitFor();
    await calls.getByRole('button', { name: 'View details' }).first().click();
    await calls.getByText('Stub reply to: What is in this picture?').first().waitFor();
  });

  await step('sees its memories', async () => {
    const memories = await tab('Memories');
    await memories.getByText(`Stub reply to: ${HALVED}`).first().waitFor();
    await memories.getByText('What is in this picture?', { exact: true }).first().waitFor();
  });

  await step('sees the log beside the chat', async () => {
    const log = await tab('Logs');
    await log.getByText('listening').first().waitFor();
  });

  await step('sees the panel of the host', async () => {
    await tab('Overview');
    const panel = page.frameLocator('iframe[title=Overview]');
    await panel.getByRole('heading', { name: 'Ada' }).waitFor();
    await panel.getByText('running', { exact: true }).waitFor();
    await panel.getByText('completed').first().waitFor();
  });

  await step('sees the log of the host', async () => {
    await page.getByTestId('app-sidebar').getByText('Logs', { exact: true }).click();
    await page.waitForURL('**/logs');
    await page.getByRole('heading', { name: 'System Logs' }).waitFor();
    await page.getByText('listening').first().waitFor();
  });

  await step('makes a group of two', async () => {
    await page.goto(`${server}/`);
    await page.getByRole('tab', { name: 'Groups' }).click();
    await page.getByRole('button', { name: 'Create New Group' }).click();
    await page.locator('#chat-name').fill('The two');
    await page.getByText('Select agents...').click();
    for (const name of ['Ada', 'Bob']) {
      await page.locator('div.cursor-pointer.p-2.rounded', { hasText: name }).last().click();
    }
    await page.getByText('2 agents selected').waitFor();
    await page.getByText('Create Group Chat').click();
  });

  await step('opens it', async () => {
    await page.getByRole('button', { name: 'Create Group' }).click();
    await page.waitForURL('**/group/*');
    await page.getByTestId('connection-status').getByText('Connected').waitFor();
  });

  await step('is answered in the group', async () => {
    await say('Ada and Bob, are you there?');
    await messages.getByText('Stub reply to: Ada and Bob, are you there?').first().waitFor();
  });

  await step('stops an agent', async () => {
    await page.goto(`${server}/`);
    await toggle('Ada').click();
    await isOn('Ada', 'unchecked');
    const { data } = await (await fetch(`${server}/api/agents`)).json();
    const states = data.agents.map(({ name, status }) => [name, status]);
    assert.deepEqual(Object.fromEntries(states), { Ada: 'inactive', Bob: 'active' });
  });
} catch (error) {
  problems.push(error.stack);
} finally {
  await browser.close();
}
for (const [what, times] of [...asked].sort()) console.log(`${String(times).padStart(4)} ${what}`);
for (const [origin, times] of elsewhere) console.log(`asked ${origin} ${times} times`);
for (const { reason, seen } of NOISE) console.log(`passed over ${seen ?? 0} times: ${reason}`);
for (const problem of problems) console.log(`PROBLEM ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
