// The real web interface in a headless browser, as a person uses it.
//
//     node browser.mjs <address of the server> <address of its model> <folder for screenshots>
//
// The server serves the interface and has an agent named Bob that runs. The answer of its model to
// "!half ..." waits in the middle until its address /release is asked for.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Person } from './person.mjs';
import { png } from './picture.mjs';

const [server, model, folder] = process.argv.slice(2);

// Its answer is said in halves.
const HALVED = '!half of an answer makes a start, and the other half comes to an end';

const ASKED = 'What is in this picture?';
const PICTURE = { name: 'a red square.png', mimeType: 'image/png', buffer: png(64, 64, [200, 30, 30]) };

mkdirSync(folder, { recursive: true });
const recording = join(folder, 'said.wav');
execFileSync('flite', ['-voice', 'slt', '-t', 'hello there, how are you today?', '-o', recording]);

const person = await Person.at(server, folder, recording);
const { page, input, messages, card, toggle } = person;
const step = person.step.bind(person);

person.watch();

await person.through(async () => {
  await step('lists agents', async () => {
    await page.goto(`${server}/`);
    await page.getByRole('button', { name: 'Skip' }).click();
    await card('Bob').waitFor();
    await person.isSwitched('Bob', 'checked');
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
    await person.isSwitched('Ada', 'unchecked');
  });

  await step('starts it', async () => {
    await toggle('Ada').click();
    await person.isSwitched('Ada', 'checked');
  });

  await step('opens a chat', async () => {
    await card('Ada').click();
    await page.waitForURL('**/chat/*/*');
    await page.getByTestId('connection-status').getByText('Connected').waitFor();
    await messages.getByText('No messages yet').waitFor();
  });

  await step('sees the answer while it is made', async () => {
    await person.say(HALVED);
    const begun = messages.getByText('Stub reply to: !half');
    await begun.waitFor();
    assert.ok(!(await begun.innerText()).includes('an end'), 'nobody has said the end yet');
    assert.equal(await input.isEnabled(), false);
  });

  await step('sees the whole answer', async () => {
    await fetch(`${model}/release`);
    await person.hears(`Stub reply to: ${HALVED}`);
    const names = person.events.map(([name]) => name);
    assert.ok(names.filter((name) => name === 'messageStreamChunk').length > 1, names.join());
    assert.ok(names.includes('messageBroadcast') && names.includes('messageComplete'), names.join());
  });

  await step('finds the chat again', async () => {
    await page.reload();
    await person.hears(`Stub reply to: ${HALVED}`);
    assert.equal(await messages.getByText(HALVED).count(), 2);
  });

  // It wants a title with each message that it sees, and there is one from the fourth that is kept;
  // so what is said next finds enough, however the first words of an answer and its keeping fall.
  await step('says something more', async () => {
    await person.say('And something more');
    await person.hears('Stub reply to: And something more');
  });

  await step('sends a picture', async () => {
    await page.locator('input[type=file]').setInputFiles(PICTURE);
    await page.getByRole('img', { name: 'Selected file' }).waitFor();
    await person.say(ASKED);
    const shown = messages.locator('img[src*="/media/uploads/"]');
    await shown.waitFor();
    const width = await shown.evaluate(async (image) => {
      await image.decode();
      return image.naturalWidth;
    });
    assert.equal(width, 64);
    await person.hears(`Stub reply to: ${ASKED}`);
  });

  await step('sees what the chat is called', async () => {
    await page.getByText('Stub Conversation Title').waitFor();
  });

  await step('listens to an answer', async () => {
    await messages.getByText(`Stub reply to: ${ASKED}`, { exact: true }).hover();
    const spoken = page.waitForResponse((response) => response.url().includes('/api/audio/'));
    await messages.locator('button:has(svg.lucide-volume-2)').last().click();
    assert.equal((await spoken).status(), 200);
    await page.waitForFunction(() => {
      const sounds = [...document.querySelectorAll('audio')];
      return sounds.some(({ duration, currentTime }) => duration > 0.5 && currentTime > 0);
    });
  });

  await step('dictates', async () => {
    await page.locator('button:has(svg.lucide-mic)').click();
    // By then the sentence has been said once, by the clock of the interface.
    await page.getByText('00:04').waitFor();
    const written = page.waitForResponse((response) => response.url().includes('/api/audio/'));
    await page.locator('button:has(svg.lucide-send)').first().click();
    assert.equal((await written).status(), 200);
    await page.waitForFunction(() => {
      const field = document.querySelector('[data-testid=chat-input]');
      return /hello|there|today/.test(field.value);
    });
  });

  await step('sees its settings', async () => {
    await page.locator('button:has(svg.lucide-panel-right)').click();
    const details = await person.tab('Details');
    await details.locator('input[name=name]').waitFor();
    assert.equal(await details.locator('input[name=name]').inputValue(), 'Ada');
  });

  await step('sees its runs', async () => {
    const runs = await person.tab('Timeline');
    // The newest one: it answered, or it found the title.
    await runs.getByText(/^TEXT_(LARGE|SMALL)$/).first().waitFor();
  });

  await step('sees its calls of the model', async () => {
    const calls = await person.tab('Model Calls');
    for (const kind of ['TRANSCRIPTION', 'TEXT_TO_SPEECH', 'TEXT_SMALL', 'TEXT_LARGE']) {
      await calls.getByText(kind).first().waitFor();
    }
    // The oldest one.
    await calls.getByRole('button', { name: 'View details' }).last().click();
    await calls.getByText(`Stub reply to: ${HALVED}`).first().waitFor();
  });

  await step('removes one of them from the list', async () => {
    const removed = page.waitForResponse((response) => response.request().method() === 'DELETE');
    await page.getByTitle('Delete log entry').first().click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    assert.equal((await removed).status(), 204);
  });

  await step('sees its memories', async () => {
    const memories = await person.tab('Memories');
    await memories.getByText(`Stub reply to: ${HALVED}`).first().waitFor();
    await memories.getByText(ASKED, { exact: true }).first().waitFor();
  });

  await step('sees the log beside the chat', async () => {
    const log = await person.tab('Logs');
    await log.getByText('listening').first().waitFor();
  });

  await step('sees the panel of the host', async () => {
    await person.tab('Overview');
    const panel = page.frameLocator('iframe[title=Overview]');
    await panel.getByRole('heading', { name: 'Ada' }).waitFor();
    await panel.getByText('running', { exact: true }).waitFor();
    assert.ok((await panel.getByText('completed').count()) >= 2);
  });

  await step('removes a message', async () => {
    await messages.getByText(ASKED, { exact: true }).hover();
    const removed = page.waitForResponse((response) => response.request().method() === 'DELETE');
    await messages.locator('button:has(svg.lucide-trash-2)').nth(4).click();
    assert.equal((await removed).status(), 204);
    await messages.getByText(ASKED, { exact: true }).waitFor({ state: 'detached' });
  });

  await step('begins another chat', async () => {
    await page.getByRole('button', { name: 'New Chat' }).click();
    await messages.getByText('No messages yet').waitFor();
    await person.say('Hello again');
    await person.hears('Stub reply to: Hello again');
  });

  await step('sees the log of the host', async () => {
    await page.getByTestId('app-sidebar').getByText('Logs', { exact: true }).click();
    await page.waitForURL('**/logs');
    await page.getByRole('heading', { name: 'System Logs' }).waitFor();
    await page.getByText('listening').first().waitFor();
  });

  await step('sees the log go on', async () => {
    await page.getByText('(streaming)').waitFor();
    const line = { level: 'warn', message: 'a line from elsewhere' };
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ logs: [line] });
    await fetch(`${server}/api/server/logs`, { method: 'POST', headers, body });
    await page.getByText(line.message).first().waitFor();
    assert.ok(person.events.some((event) => JSON.stringify(event).includes(line.message)));
  });

  await step('changes the agent', async () => {
    const { data } = await (await fetch(`${server}/api/agents`)).json();
    const { id } = data.agents.find(({ name }) => name === 'Ada');
    await page.goto(`${server}/settings/${id}`);
    await page.locator('textarea[name=system]').fill('You are Ada. Answer at length.');
    const changed = page.waitForResponse((response) => response.request().method() === 'PATCH');
    await page.getByRole('button', { name: 'Save' }).click();
    assert.equal((await (await changed).json()).data.system, 'You are Ada. Answer at length.');
  });

  await step('keeps a variable', async () => {
    await page.goto(`${server}/settings/`);
    await page.getByPlaceholder('VARIABLE_NAME').fill('A_NAME');
    await page.getByPlaceholder('i9ju23nfsdf56').fill('a value');
    await page.locator('button.shrink-0').click();
    const kept = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.getByRole('button', { name: 'Save' }).click();
    assert.equal((await kept).status(), 200);
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
    await person.say('Ada and Bob, are you there?');
    await person.hears('Stub reply to: Ada and Bob, are you there?');
  });

  await step('stops an agent', async () => {
    await page.goto(`${server}/`);
    await toggle('Ada').click();
    await person.isSwitched('Ada', 'unchecked');
    const { data } = await (await fetch(`${server}/api/agents`)).json();
    const states = data.agents.map(({ name, status }) => [name, status]);
    assert.deepEqual(Object.fromEntries(states), { Ada: 'inactive', Bob: 'active' });
  });

  await step('removes an agent', async () => {
    await card('Bob').click();
    await person.mayType();
    person.noise.push({
      pattern: /404.*\/api\/agents\//,
      reason: 'it may ask once more for what belongs to an agent that it has just removed',
    });
    await page.locator('button:has(h2)').click();
    await page.getByRole('menuitem', { name: 'Delete Agent' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.waitForURL(`${server}/`);
    await card('Bob').waitFor({ state: 'detached' });
    await card('Ada').waitFor();
  });
});
