import { encodeProgress } from "@acomm/protocol";
import type { Request } from "@acomm/protocol";
import type { TransportRegistry } from "./registry.ts";
import { checkTarget } from "./target-policy.ts";
import type { TargetPolicy } from "./target-policy.ts";

/** @internal What {@link HookProgress} works with. */
export interface HookProgressInit {
  /** Which transports there are. */
  readonly registry: TransportRegistry;
  /** Which hooks may be opened. */
  readonly admit: TargetPolicy;
  /** How long one delivery may take, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * @internal Delivers the progress of one request to its hook: one at a time, and of what comes meanwhile the latest. What can't be
 * delivered is dropped; the response will tell what is wrong with the hook.
 */
export class HookProgress {
  readonly #request: Request;
  readonly #init: HookProgressInit;
  #waiting: string | undefined;
  #underWay: Promise<void> | undefined;

  constructor(request: Request, init: HookProgressInit) {
    this.#request = request;
    this.#init = init;
  }

  /** @throws `bad_field` where the value can't be written as JSON */
  add(value: unknown): void {
    this.#waiting = encodeProgress(this.#request, value, { reply: false });
    this.#underWay ??= this.#deliver().finally(() => { this.#underWay = undefined; });
  }

  /** Waits for what is under way, so that the response doesn't overtake it; what still waits is dropped. */
  async end(): Promise<void> {
    this.#waiting = undefined;
    await this.#underWay;
  }

  async #deliver(): Promise<void> {
    const { registry, admit, timeoutMs } = this.#init;
    const hook = this.#request.responseHook;
    if (hook === null) return;
    try {
      await checkTarget(admit, hook, "response");
      for (let text = this.#waiting; text !== undefined; text = this.#waiting) {
        this.#waiting = undefined;
        await registry.lookup(hook).send(hook, text, { timeoutMs });
      }
    } catch {
      // the response finds out, and says it
    }
  }
}
