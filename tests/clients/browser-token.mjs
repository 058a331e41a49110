// The same where the server asks for a token.
//
//     node browser-token.mjs <address of the server> <its token> <folder for screenshots>
//
// The server serves the interface and has an agent named Bob that runs.

import { Person } from './person.mjs';

const [server, token, folder] = process.argv.slice(2);

const person = await Person.at(server, folder);
const { page, card } = person;
const step = person.step.bind(person);

person.noise.push({
  pattern: /401.*system\/version|fetch server version: 401/,
  reason: 'it asks for the version of the server without the key that it was given',
});

await person.through(async () => {
  await step('gives the token', async () => {
    await page.goto(`${server}/settings/`);
    await page.getByRole('button', { name: 'Manage API Key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('input').fill(token);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
  });

  await step('lists agents', async () => {
    // What the page asked before it had the token had to be refused, however late it is told.
    await page.goto('about:blank');
    person.watch();
    await page.goto(`${server}/`);
    await page.getByRole('button', { name: 'Skip' }).click();
    await card('Bob').waitFor();
  });

  await step('talks', async () => {
    await card('Bob').click();
    await page.getByTestId('connection-status').getByText('Connected').waitFor();
    await person.say('Hello');
    await person.hears('Stub reply to: Hello');
  });

  await step('sees the panel of the host', async () => {
    await page.locator('button:has(svg.lucide-panel-right)').click();
    await person.tab('Overview');
    const panel = page.frameLocator('iframe[title=Overview]');
    await panel.getByRole('heading', { name: 'Bob' }).waitFor();
  });
});
