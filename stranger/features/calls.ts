import { createUnixTransport, serve, Tracker, UnixListener } from "acomm";
import type { AcommError } from "acomm";
import { transportCompliance } from "acomm/testing";
import assert from "node:assert/strict";
import { lstat, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Features } from "./feature.ts";
import { run } from "./respawn.ts";
import { codeOf, comply, openUnix, startEcho } from "./setup.ts";

export const calls: Features = {
  "calls over a unix socket, 1000 at once and of 4 MiB": async (directory) => {
    const echo = await startEcho(directory);
    const { tracker, url } = echo;
    const numbers = Array.from({ length: 1000 }, (_, index) => index);
    assert.deepEqual(await Promise.all(numbers.map((args) => tracker.request(url, { task: "echo", args }))), numbers);
    const large = "ä".repeat(2 * 1024 * 1024);
    assert.equal(await tracker.request(url, { task: "echo", args: large }), large);
    await echo.stop();
  },
  "a private socket, whatever the umask": async (directory) => {
    const before = process.umask(0);
    const listener = new UnixListener(join(directory, "made", "private.sock"));
    try {
      await listener.start();
    } finally {
      process.umask(before);
    }
    assert.equal((await lstat(join(directory, "made"))).mode & 0o777, 0o700);
    assert.equal((await lstat(join(directory, "made", "private.sock"))).mode & 0o777, 0o600);
    await listener.stop();
  },
  "a stale socket is replaced, a live one is not": async (directory) => {
    const path = join(directory, "taken.sock");
    const live = createServer().listen(path);
    await new Promise((resolve) => live.once("listening", resolve));
    assert.equal(await codeOf(new UnixListener(path).start()), "bad_address");
    live.close();
    await writeFile(path, "");
    assert.equal(await codeOf(new UnixListener(path).start()), "bad_address");
    await rm(path);
    const { stdout } = await run("stale-socket.ts", path);
    assert.equal(stdout, "listening\n");
    assert.deepEqual(await readdir(directory), ["taken.sock"]);
    const listener = new UnixListener(path);
    await listener.start();
    await listener.stop();
    assert.deepEqual(await readdir(directory), []);
  },
  "timeouts, cancelling and progress": async (directory) => {
    const aborted: string[] = [];
    const echo = await startEcho(directory, async ({ task }, { signal, progress }) => {
      if (task === "step") {
        progress("half");
        return;
      }
      await new Promise((resolve) => { signal.addEventListener("abort", resolve); });
      aborted.push((signal.reason as AcommError).code);
    });
    const { tracker, url } = echo;
    assert.equal(await codeOf(tracker.request(url, { task: "wait", timeoutMs: 50 })), "timeout");
    const controller = new AbortController();
    const cancelled = codeOf(tracker.request(url, { task: "wait", signal: controller.signal }));
    setTimeout(() => { controller.abort(); }, 20);
    assert.equal(await cancelled, "cancelled");
    const heard: unknown[] = [];
    await tracker.request(url, { task: "step", onProgress: (step) => heard.push(step) });
    assert.deepEqual(heard, ["half"]);
    while (aborted.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(aborted.sort(), ["cancelled", "timeout"]);
    await echo.stop();
  },
  "a call inherits the time of the one it is made for": async (directory) => {
    const inner = await startEcho(await mkdtemp(join(directory, "inner-")), () => new Promise(() => undefined));
    const outer = await startEcho(directory, (_, context) => inner.tracker.within(context).request(inner.url, { task: "wait", timeoutMs: 60_000 }));
    assert.equal(await codeOf(outer.tracker.request(outer.url, { task: "wait", timeoutMs: 100 })), "timeout");
    await outer.stop();
    await inner.stop();
  },
  "an answer to a response hook": async (directory) => {
    const tracker = new Tracker();
    await tracker.start();
    const listener = new UnixListener(join(directory, "hooked.sock"));
    await listener.start();
    const service = serve(listener, ({ responseHook }) => responseHook?.href.startsWith("unix://") ?? false);
    assert.equal(await tracker.request(listener.url, { task: "hooked", responseHook: tracker.url }), true);
    await tracker.stop();
    await service.stop();
  },
  "a stop answers what is under way, and refuses the rest": async (directory) => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => { go = resolve; });
    let started = (): void => undefined;
    const running = new Promise<void>((resolve) => { started = resolve; });
    const echo = await startEcho(directory, async ({ task }) => {
      if (task === "connect") return null;
      started();
      await gate;
      return "done";
    });
    await echo.tracker.request(echo.url, { task: "connect" });
    const answer = echo.tracker.request(echo.url, { task: "work" });
    await running;
    const stopped = echo.service.stop();
    assert.equal(await codeOf(echo.tracker.request(echo.url, { task: "work" })), "stopping");
    go();
    assert.equal(await answer, "done");
    assert.deepEqual((await stopped).cut, []);
    await echo.stop();
  },
  "the checks of a transport, over unix sockets": (directory) => comply(transportCompliance({
    capabilities: ["order", "answers", "probe", "streams"],
    open: async (limits) => openUnix(await mkdtemp(join(directory, "u-")), createUnixTransport(limits), limits),
  })),
};
