import { performance } from "node:perf_hooks";

/** How much later than it should a timer fires in a process that is not held up, in milliseconds. */
const usualDelayMs = 25;
/** What a process that was held up needs to read what came meanwhile, in milliseconds. */
export const catchUpMs = 50;

/** Whether a timer fires so late that what came before it was due may not be read yet: Node runs timers before it reads. */
export function isHeldUp(dueAt: number): boolean {
  return performance.now() - dueAt > usualDelayMs;
}

/**
 * Runs `then` once, after `ms`. Where this process was too busy to run it in time, it gets a moment to read what came
 * meanwhile first, so that nobody is blamed for our own delay.
 */
export class PatientTimer {
  #timer: NodeJS.Timeout;
  #isRef = true;

  constructor(ms: number, then: () => void) {
    const dueAt = performance.now() + ms;
    this.#timer = setTimeout(() => {
      if (!isHeldUp(dueAt)) {
        then();
        return;
      }
      this.#timer = setTimeout(then, catchUpMs);
      if (!this.#isRef) this.#timer.unref();
    }, ms);
  }

  /** The process may end before it has run. */
  unref(): this {
    this.#isRef = false;
    this.#timer.unref();
    return this;
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
