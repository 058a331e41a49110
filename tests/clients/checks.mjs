// What a script looked at, and whether it was so.

/** How long anything may take that is not about time. A guard against hanging, not a measure. */
export const PATIENCE_MS = 30_000;

/** Keeps what was looked at. */
export class Checks {
  #rows = [];
  #failures = [];

  /** Notes one thing; `seen` is told where it is not so. */
  expect(condition, what, seen) {
    this.#rows.push(`${condition ? 'ok  ' : 'FAIL'} ${what}`);
    if (!condition) {
      this.#failures.push(`not so: ${what}; seen: ${JSON.stringify(seen)?.slice(0, 600)}`);
    }
  }

  /** Notes whether two values are the same as JSON. */
  same(found, expected, what) {
    this.expect(JSON.stringify(found) === JSON.stringify(expected), what, { found, expected });
  }

  /** Prints everything, and sets the exit code. */
  report(title) {
    console.log([`\n${title}`, ...this.#rows, ...this.#failures, ''].join('\n'));
    if (this.#failures.length > 0) {
      process.exitCode = 1;
    }
  }
}
