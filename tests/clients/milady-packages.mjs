// What Milady publishes, unchanged: the client library of its dashboard, what the dashboard makes of
// frames and events, and the reader and writer of its files.
import { register } from 'node:module';
import { WebSocket } from 'ws';

register('./milady-hooks.mjs', import.meta.url);

const library = await import('@elizaos/app-core/api/client');
const parsers = await import('@elizaos/app-core/state/parsers');
const autonomy = await import('@elizaos/app-core/autonomy');
const files = await import('@elizaos/autonomous/services/agent-export');

export const { MiladyClient } = library;
export const { parseAgentStatusEvent, parseProactiveMessageEvent, parseStreamEventEnvelopeEvent } = parsers;
export const { buildAutonomyGapReplayRequests, hasPendingAutonomyGaps, mergeAutonomyEvents } = autonomy;
export const { AgentExportError, estimateExportSize, exportAgent, importAgent } = files;

/** Stands in for what a page has that opens sockets; such a page says where it comes from. */
export function asPage() {
  const location = new URL('http://localhost/');
  globalThis.window = { location, sessionStorage: { getItem: () => null, setItem() {}, removeItem() {} } };
  globalThis.WebSocket = class extends WebSocket {
    constructor(url) {
      super(url, { origin: location.origin });
    }
  };
}

/** Where the declarations of the client library are, and of what it names. */
export const DECLARATIONS = 'unpacked/@elizaos/app-core/api/client.d.ts';
export const PATHS = { '@elizaos/autonomous/*': ['unpacked/@elizaos/autonomous/packages/autonomous/src/*'] };
