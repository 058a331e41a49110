// Brings a server of Milady's dialect to where there is an agent to talk to, as the dashboard does it.
import { MiladyClient } from './milady-packages.mjs';

/** What a stranger who has not been through the first steps would say of an agent. */
export const onboarding = (name) => ({
  name,
  runMode: 'local',
  bio: ['Keeps a lighthouse.'],
  systemPrompt: `You are ${name}.`,
  style: { all: ['short'], chat: [], post: [] },
  adjectives: ['patient'],
  topics: ['ships'],
  postExamples: ['The lamp is lit.'],
  messageExamples: [[{ user: 'Sailor', content: { text: 'Is it far?' } }, { user: name, content: { text: 'Not any more.' } }]],
});

/** A client library of the dashboard's. */
export const connected = (url, token) => new MiladyClient(url, token || undefined);

/** Makes an agent unless there is one, and waits until it runs. */
export async function ready(client, name = 'Marisol Vega') {
  const { complete } = await client.getOnboardingStatus();
  if (!complete) {
    await client.getOnboardingOptions();
    await client.submitOnboarding(onboarding(name));
    return client.restartAndWait();
  }
  const { state } = await client.getStatus();
  return state === 'running' ? client.getStatus() : client.startAgent();
}

/** Asks without the library, for what it has no method for; answers with the status, the headers and the body. */
export async function ask(url, token, method, path, body, headers = {}) {
  const isText = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(new URL(path, url), {
    method,
    headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), 'Content-Type': 'application/json', ...headers },
    body: isText ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** Looks until there is something to be seen. */
export async function until(what, look, patience = 30_000) {
  const late = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (seen) {
      return seen;
    }
    if (Date.now() > late) {
      throw new Error(`never: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
