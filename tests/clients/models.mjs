// Talks with the agent as with a model, by the official clients: node models.mjs <url> <token>.
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

import { Checks } from './checks.mjs';

const [url, token] = process.argv.slice(2);
const apiKey = token || 'none';
const checks = new Checks();
const words = 'I am worried about my garden, because it has not rained for weeks.';

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const models = [];
for await (const model of openai.models.list()) {
  models.push(model.id);
}
checks.same(models, ['milady'], 'the one model is the agent');
const [model] = models;
checks.same((await openai.models.retrieve(model)).id, model, 'it is found by its name');

const messages = [{ role: 'user', content: words }];
const completion = await openai.chat.completions.create({ model, messages });
const [choice] = completion.choices;
checks.expect(choice.message.content && choice.finish_reason === 'stop', 'OpenAI: it answers', completion);
checks.expect(completion.usage.total_tokens >= 0, 'OpenAI: it counts', completion.usage);

const chunks = await openai.chat.completions.create({
  model,
  messages: [...messages, { role: 'assistant', content: choice.message.content }, { role: 'user', content: 'And now?' }],
  stream: true,
  stream_options: { include_usage: true },
});
let text = '';
let last;
for await (const chunk of chunks) {
  text += chunk.choices[0]?.delta.content ?? '';
  last = chunk;
}
checks.expect(text.length > 0, 'OpenAI: it answers piece by piece', text);
checks.expect(last.usage?.total_tokens >= 0, 'OpenAI: a stream ends with its count', last);
const whole = await openai.chat.completions.stream({ model, messages }).finalChatCompletion();
checks.expect(whole.choices[0].message.content, 'OpenAI: a stream can be put together', whole);
try {
  await openai.chat.completions.create({ model, messages: [] });
  checks.expect(false, 'OpenAI: nothing is refused');
} catch (error) {
  checks.same([error.status, error.type], [400, 'invalid_request_error'], 'OpenAI: nothing is refused');
}

const anthropic = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
const asked = { model, max_tokens: 256, system: 'Be kind.', messages };
const message = await anthropic.messages.create(asked);
checks.expect(message.content[0].text && message.stop_reason === 'end_turn', 'Anthropic: it answers', message);
const pieces = [];
const stream = anthropic.messages.stream(asked).on('text', (piece) => pieces.push(piece));
const final = await stream.finalMessage();
checks.same(pieces.join(''), final.content[0].text, 'Anthropic: the pieces are the whole');
checks.same(final.stop_reason, 'end_turn', 'Anthropic: a stream has its end');
checks.expect(final.usage.output_tokens >= 0, 'Anthropic: it counts', final.usage);
try {
  await anthropic.messages.create({ ...asked, messages: [] });
  checks.expect(false, 'Anthropic: nothing is refused');
} catch (error) {
  checks.same(error.status, 400, 'Anthropic: nothing is refused');
}

checks.report('the agent as a model');
