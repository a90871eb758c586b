import type { AcommUrl, Response } from "@acomm/protocol";
import type { CallOptions, LazyStreamSource } from "@acomm/tracker";
import type { TransportRegistry } from "@acomm/transport";
import type { Invocation } from "./command.ts";
import { openNetwork } from "./network.ts";
import type { TargetValues } from "./settings.ts";
import { explainUnavailable, targetOf } from "./target.ts";
import type { Target } from "./target.ts";
import { UsageError } from "./usage-error.ts";

/** What a command may say about a call. */
export type CallInit = Pick<CallOptions, "task" | "args" | "streamUrl" | "signal" | "onProgress"> & { readonly timeoutMs: number };

/** Calls the tasks of one target. */
export interface Caller {
  readonly url: string;
  /** For the streams of answers. @default unix sockets and http(s) */
  readonly registry?: TransportRegistry;
  /** @throws as `tracker.call`, with what to do where nobody listens */
  call(init: CallInit): Promise<Response>;
  /** Serves a source to whoever runs the task. @throws UsageError where that can't read a socket of this machine */
  createStream(source: LazyStreamSource): Promise<AcommUrl>;
  stop(): Promise<void>;
}

/** Opens the way to the target that the settings name. @throws UsageError */
export async function openCaller(invocation: Pick<Invocation, "environment"> & { readonly settings: TargetValues }): Promise<Caller> {
  const target = targetOf(invocation);
  const { url } = target;
  const { tokenFile } = invocation.settings;
  if (/^https?:/i.test(url)) {
    const { callOverHttp } = await import("./http-call.ts");
    const token = tokenFile === undefined ? undefined : (await readTokens(tokenFile))[0];
    return {
      url,
      call: (init) => callOverHttp(url, init, token),
      createStream: () => Promise.reject(new UsageError(`--stream-in is read at a unix socket of this machine, which nobody reaches through ${new URL(url).protocol}: call a unix: URL`)),
      stop: () => Promise.resolve(),
    };
  }
  if (/^nats:/i.test(url)) return openNetworkCaller(target, invocation.settings);
  const { Tracker } = await import("@acomm/tracker");
  const tracker = new Tracker();
  await tracker.start();
  return {
    url,
    call: (init) => tracker.call(url, init).catch((error: unknown) => { throw explainUnavailable(error, target); }),
    createStream: (source) => tracker.createUnixStream(source),
    async stop() {
      await tracker.stop({ graceMs: 0 });
    },
  };
}

async function openNetworkCaller(target: Target, { natsCreds }: TargetValues): Promise<Caller> {
  const { Tracker } = await import("@acomm/tracker");
  const { createRegistry } = await import("@acomm/transport");
  const { host } = new URL(target.url);
  const network = host === "" ? undefined : await openNetwork({ nats: `nats://${host}`, natsCreds });
  if (network === undefined) throw new UsageError(`--url ${target.url} names no server: nats://host:4222/subject does`);
  const registry = createRegistry();
  registry.register(network.transport);
  const tracker = new Tracker({ registry, listener: network.createListener(), streams: network });
  const stop = async (): Promise<void> => {
    await tracker.stop({ graceMs: 0 });
    await network.close();
    await registry.close();
  };
  try {
    await tracker.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: target.url,
    registry,
    call: (init) => tracker.call(target.url, init).catch((error: unknown) => { throw explainUnavailable(error, target); }),
    createStream: (source) => tracker.createStream(source),
    stop,
  };
}

/** The bearer tokens of a file, one a line. @throws UsageError that never holds one of them */
export async function readTokens(file: string): Promise<string[]> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new UsageError(`--token-file can't be read (${(error as NodeJS.ErrnoException).code ?? "unknown reason"}): ${file}`);
  });
  const tokens = text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  if (tokens.length === 0) throw new UsageError(`--token-file holds no token: ${file} has to have one on a line`);
  return tokens;
}
