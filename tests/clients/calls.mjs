// Calls of a client's methods: what each asked for, what it returned, and whether its types said so.

/** Characters of a result that the table shows. */
const SHOWN = 72;

/** How long is waited between two looks, and how often is looked. */
const GLANCE_MS = 20;
const GLANCES = 1500;

/** Calls methods, and keeps what came of it. */
export class Calls {
  #client;
  #declarations;
  #declared;
  #requests = [];
  #rows = [];
  #called = new Set();
  #failures = [];

  constructor(client, declarations, declared) {
    this.#client = client;
    this.#declarations = declarations;
    this.#declared = declared;
    const real = globalThis.fetch;
    globalThis.fetch = async (url, options) => {
      const { pathname, search } = new URL(url);
      const response = await real(url, options);
      this.#requests.push(`${options?.method ?? 'GET'} ${pathname}${search} ${response.status}`);
      return response;
    };
  }

  /** Calls `service.method`, notes what came of it, and answers with what it returned. */
  async call(name, ...args) {
    const [service, method] = name.split('.');
    this.#requests = [];
    this.#called.add(name);
    let value;
    try {
      value = await this.#client[service][method](...args);
    } catch (error) {
      this.#row(name, `${error.code ?? error.name}: ${error.message}`, 'no');
      this.#failures.push(`${name} failed: ${error.status ?? ''} ${error.code ?? ''} ${error.message}`);
      return {};
    }
    const { misfits, nulls } = this.#declarations.compare(value, this.#declared.get(name));
    const judged = nulls.length === 0 ? 'yes' : `yes (null: ${[...new Set(nulls.map(general))].join(', ')})`;
    this.#row(name, JSON.stringify(value), misfits.length === 0 ? judged : 'no');
    this.#failures.push(...misfits.map((misfit) => `${name}: ${general(misfit)}`));
    return value;
  }

  /** Calls what must be refused, and answers with the error. */
  async refused(name, status, code, ...args) {
    const [service, method] = name.split('.');
    try {
      const value = await this.#client[service][method](...args);
      this.#failures.push(`${name} is not refused: ${JSON.stringify(value)}`);
    } catch (error) {
      this.expect(error.status === status && error.code === code, `${name} is refused with ${status} ${code}`, error);
    }
  }

  /** Notes a failure, unless the condition holds. */
  expect(condition, what, seen) {
    if (!condition) {
      this.#failures.push(`not so: ${what}; seen: ${JSON.stringify(seen)?.slice(0, 400)}`);
    }
  }

  /** Looks until there is something to be seen. */
  async until(what, look) {
    for (let glance = 0; glance < GLANCES; glance += 1) {
      const seen = await look();
      if (seen) {
        return seen;
      }
      await new Promise((resolve) => setTimeout(resolve, GLANCE_MS));
    }
    this.#failures.push(`never: ${what}`);
    return undefined;
  }

  /** What went wrong so far. */
  get failures() {
    return this.#failures;
  }

  /** Prints the table; answers with what went wrong, methods that nobody called included. */
  report(title, but) {
    const heads = [['method', 'request', 'result', 'type ok']];
    const widths = [0, 1].map((column) => Math.max(...this.#rows.map((row) => row[column].length)));
    const lines = [...heads, ...this.#rows].map(
      ([method, request, result, ok]) =>
        `${method.padEnd(widths[0])} | ${request.padEnd(widths[1])} | ${result.padEnd(SHOWN)} | ${ok}`,
    );
    for (const method of this.#declared.keys()) {
      if (!this.#called.has(method) && !but.includes(method)) {
        this.#failures.push(`nobody called ${method}`);
      }
    }
    const count = `${this.#called.size} of ${this.#declared.size} methods called`;
    console.log([`\n${title}: ${count}`, ...lines, ''].join('\n'));
    return [...new Set(this.#failures)];
  }

  #row(name, result, ok) {
    const requests = this.#requests.map((request) => request.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id'));
    const counted = requests.length > 2 ? [requests[0], `(${requests.length} requests)`] : requests;
    this.#rows.push([name, counted.join(', ') || 'none', (result ?? 'undefined').slice(0, SHOWN), ok]);
  }
}

/** A path without the places in lists. */
function general(path) {
  return path.replace(/\[\d+\]/g, '[]');
}
