import { AcommError, createRequest, decodeErrorText, decodeResponse, encodeRequest, parseUrl } from "@acomm/protocol";
import type { AcommUrl, Request, Response } from "@acomm/protocol";
import { serve } from "@acomm/transport";
import type { IncomingConnection, Listener, OutgoingMessage, RequestHandler, ServeOptions, Service, WaitOptions } from "@acomm/transport";
import assert from "node:assert/strict";
import type { CaseBody, ComplianceCapability, ComplianceNetwork } from "./compliance.ts";

/** How long anything that a case waits for may take, in milliseconds. */
export const patienceMs = 10_000;

/** What the cases work with: services, messages and waiting, over the network of one case. */
export class ComplianceBench {
  static readonly maxFrameBytes: number = 256 * 1024;
  readonly network: ComplianceNetwork;
  readonly capabilities: readonly ComplianceCapability[];
  readonly #services: Service[] = [];
  readonly #listeners: Listener[] = [];

  constructor(network: ComplianceNetwork, capabilities: readonly ComplianceCapability[]) {
    this.network = network;
    this.capabilities = capabilities;
  }

  /** A listener that is started, and where it is reached. */
  async listen(): Promise<{ readonly listener: Listener; readonly url: AcommUrl }> {
    const listener = this.network.createListener();
    await listener.start();
    this.#listeners.push(listener);
    return { listener, url: parseUrl(listener.url) };
  }

  /** A service, and where it is reached. */
  async serve(handler: RequestHandler, options: ServeOptions = {}): Promise<{ readonly service: Service; readonly url: AcommUrl }> {
    const { listener, url } = await this.listen();
    const service = serve(listener, handler, options);
    this.#services.push(service);
    return { service, url };
  }

  /** Sends a request that nobody answers; gives `accepted`, or the code of what became of it. */
  send(url: AcommUrl, request: Pick<Request, "id"> & { readonly args?: unknown }, wait: WaitOptions = {}): Promise<string> {
    return this.sendText(url, encodeRequest(createRequest({ task: "t", ...request })), wait);
  }

  async sendText(url: AcommUrl, text: string, wait: WaitOptions = {}): Promise<string> {
    try {
      const { error } = await this.network.transport.send(url, text, { timeoutMs: patienceMs, ...wait });
      return error === "" ? "accepted" : decodeErrorText(error).code;
    } catch (error) {
      if (error instanceof AcommError) return error.code;
      throw error;
    }
  }

  /** Whether the scheme can bring answers on the connection of the request. */
  get canCall(): boolean {
    return this.capabilities.includes("answers");
  }

  /** The connection that brings a message, which it has given. */
  async receive(listener: Listener): Promise<IncomingConnection> {
    const connection = await listener.nextConnection();
    assert.ok(connection !== undefined && (await connection.read({ timeoutMs: patienceMs })) !== undefined, "the message must come");
    return connection;
  }

  /** Sends a request whose answer comes back on its connection. */
  call(url: AcommUrl, request: Pick<Request, "id"> & { readonly args?: unknown }): ComplianceCall {
    const call = new ComplianceCall(createRequest({ task: "t", ...request }));
    this.network.transport.call?.(url, call);
    return call;
  }

  async close(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.stop({ graceMs: 0 })));
    await Promise.all(this.#listeners.map((listener) => listener.stop({ graceMs: 0 })));
    await this.network.transport.close();
    await this.network[Symbol.asyncDispose]();
  }
}

/** A request on its way, whose answer comes on its connection. */
export class ComplianceCall implements OutgoingMessage {
  id: string;
  readonly takesReply = true;
  isSettled = false;
  attempts = 0;
  carrier: OutgoingMessage["carrier"] = undefined;
  isCancelled = false;
  /** Whether its text was asked for. */
  isEncoded = false;
  /** What came before the answer. */
  readonly progress: unknown[] = [];
  /** Settles when the message was accepted, or never will be. */
  readonly acceptance: Promise<void>;
  readonly answer: Promise<Response>;
  readonly #request: Request;
  readonly #accept: () => void;
  readonly #settle: { readonly resolve: (response: Response) => void; readonly reject: (error: AcommError) => void };

  constructor(request: Request) {
    this.id = request.id;
    this.#request = request;
    const acceptance = createGate();
    this.acceptance = acceptance.opened;
    this.#accept = acceptance.open;
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.answer = promise;
    this.#settle = { resolve, reject };
    promise.catch(() => undefined); // a case may look at other things first
  }

  encode(freeId: string | undefined): string {
    this.isEncoded = true;
    this.id = freeId ?? this.id;
    return encodeRequest({ ...this.#request, id: this.id }, { reply: true, progress: true });
  }

  /** Gives it up, as a caller's signal does. */
  cancel(): void {
    this.isCancelled = true;
    this.failed(new AcommError("cancelled", "the case gives it up"));
    this.carrier?.forget(this);
  }

  progressed(value: unknown): void {
    this.progress.push(value);
  }

  accepted(): void {
    this.#accept();
  }

  answered(text: string): void {
    assert.equal(this.isSettled, false, "a message must be settled once");
    this.isSettled = true;
    this.#settle.resolve(decodeResponse(text));
  }

  failed(error: AcommError): void {
    assert.equal(this.isSettled, false, "a message must be settled once");
    this.isSettled = true;
    this.#accept();
    this.#settle.reject(error);
  }

  strayAnswer(): void {
    this.failed(new AcommError("unknown_id", "an answer came that nobody waits for"));
  }
}

/** A case for transports that can do this. */
export function needing(needs: readonly ComplianceCapability[], body: (bench: ComplianceBench) => Promise<void>): CaseBody {
  return Object.assign((bench: ComplianceBench) => body(bench), { needs });
}

/** The code that a promise fails with, `fulfilled` where it doesn't. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "fulfilled";
  } catch (error) {
    if (error instanceof AcommError) return error.code;
    throw error;
  }
}

/** Waits, turn by turn of the event loop, until something holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, waitMs: number = patienceMs): Promise<void> {
  const giveUpAt = performance.now() + waitMs;
  while (!(await holds())) {
    if (performance.now() > giveUpAt) assert.fail(`it must come to this: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits until a number has stayed the same for many turns of the event loop, and gives it. */
export async function stillness(read: () => number): Promise<number> {
  let last = read();
  for (let turns = 0; turns < 300; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (read() === last) continue;
    last = read();
    turns = 0;
  }
  return last;
}

/** A promise, and the function that fulfils it. */
export function createGate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { opened: promise as Promise<unknown> as Promise<void>, open: () => { resolve(undefined); } };
}
