import { AcommError } from "@acomm/protocol";
import { admitTargets } from "@acomm/transport";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { exactText } from "./exact-json.ts";
import { buildPeer, buildTimeoutMs, GoPeer, hasGo, runPeer } from "./go-peer.ts";
import { admitLoopback, startService, startTracker, temporaryDirectory } from "./resources.ts";
import { digestOf, sequence } from "./stream-digest.ts";

describe.skipIf(!hasGo)("a Go caller of a TypeScript service", () => {
  beforeAll(buildPeer, buildTimeoutMs);

  test.each([["null"], ["-12.5"], ['""'], ['"aé\u2028😀<b>&amp;"'], [String.raw`"\u0000\ud800\\"`], ['{"b":1,"a":[true,{"":null}]}']])("gets back what it sent: %s", async (args) => {
    const socket = await startService((request) => request.args);
    const { exitCode, stdout } = await runPeer("client", "-socket", socket, "-task", "echo", "-args", args);
    const output = JSON.parse(stdout);
    expect(output.raw).toMatch(/^\{"error":"","id":"go-\d+-1","result":.*,"stream_url":null\}$/s);
    expect(output.raw).toContain(`,"result":${args},`);
    expect(exitCode).toBe(0);
  });

  test("sends JSON of which JavaScript can't hold the value: the handler gets the text as well", async () => {
    const socket = await startService((request) => request.raw?.text);
    const { stdout } = await runPeer("client", "-socket", socket, "-task", "echo", "-args", exactText);
    expect(JSON.parse(stdout).result).toBe(exactText);
  });

  test.each([
    ["what a handler throws", new Error("no such disk: „ä“"), "no such disk: „ä“"],
    ["a code of the library", new AcommError("overloaded", "try again"), "overloaded: try again"],
  ])("gets %s as the error of the response", async (_, error, text) => {
    const socket = await startService(() => { throw error; });
    const { exitCode, stdout } = await runPeer("client", "-socket", socket, "-task", "disks");
    expect(JSON.parse(stdout)).toMatchObject({ error: text, result: null, stream_url: "" });
    expect(exitCode).toBe(1);
  });

  test.each([
    ["unix:///run/a%20b%25%C3%BC%3F%23%2520.sock"],
    ["http://127.0.0.1:8080/a%2Fb%20c;d,e/%C3%BC?x=1&y=%2F+%20&z"],
    ["http://[::1]:8080/?"],
    ["https://example.com/path"],
  ])("its URLs are read and written as they are: %s", async (url) => {
    const socket = await startService(({ streamUrl }, { attachStream }) => {
      attachStream(streamUrl!);
      return streamUrl?.href;
    });
    const { stdout } = await runPeer("client", "-socket", socket, "-task", "same", "-stream", url);
    expect(JSON.parse(stdout)).toMatchObject({ result: url, stream_url: url });
  });

  test("is answered at a unix hook whose path has characters that URLs escape", async () => {
    const socket = await startService((request) => request.args);
    const hook = join(await temporaryDirectory(), "ä b%20#?&+;.hook");
    expect(await runPeer("client", "-socket", socket, "-hook", hook, "-task", "echo", "-args", "1")).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("gets the URL of a stream, and the stream", async () => {
    const tracker = await startTracker();
    const socket = await startService(async (request, { attachStream }) => {
      attachStream(await tracker.createUnixStream(sequence(300_000)));
      return request.task;
    });
    const { stdout } = await runPeer("client", "-socket", socket, "-task", "export");
    const { result, stream_url } = JSON.parse(stdout);
    expect(result).toBe("export");
    const read = await runPeer("read", "-url", stream_url);
    expect(JSON.parse(read.stdout)).toEqual({ ...(await digestOf(sequence(300_000))), error: "" });
  });

  test("500 calls, 16 at once, are all answered", async () => {
    const ids = new Set<string>();
    const socket = await startService(({ id, args }) => {
      ids.add(id);
      return args;
    });
    const { exitCode, stdout } = await runPeer("client", "-socket", socket, "-task", "echo", "-args", "[1]", "-count", "500", "-parallel", "16");
    expect(JSON.parse(stdout)).toMatchObject({ sent: 500, answered: 500, failed: 0 });
    expect(exitCode).toBe(0);
    expect(ids.size).toBe(500);
  });

  test("is refused, with the reason, by a service that has enough to do", async () => {
    const begun = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<string>();
    const socket = await startService(() => {
      begun.resolve(undefined);
      return release.promise;
    }, { maxInFlight: 1 });
    const first = runPeer("client", "-socket", socket, "-task", "long");
    await begun.promise;
    expect(await runPeer("client", "-socket", socket, "-task", "long")).toMatchObject({ exitCode: 2, stdout: "", stderr: expect.stringContaining("refused: overloaded: ") });
    release.resolve("done");
    expect(JSON.parse((await first).stdout)).toMatchObject({ error: "", result: "done" });
  });

  test("that was killed before its answer leaves the service an undeliverable response", async () => {
    const begun = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    const reported = Promise.withResolvers<AcommError>();
    const socket = await startService(() => {
      begun.resolve(undefined);
      return release.promise;
    }, { hookTimeoutMs: 100, onError: reported.resolve });
    const client = await GoPeer.start("client", "-socket", socket, "-hook", join(await temporaryDirectory(), "hook.sock"), "-task", "long");
    await begun.promise;
    await client.end("SIGKILL");
    release.resolve(undefined);
    expect(await reported.promise).toMatchObject({ code: "undeliverable", message: expect.stringContaining("(long)"), cause: { code: "unavailable" } });
  });

  test("is answered at an HTTP hook that the policy admits", async () => {
    const socket = await startService((request) => request.args, { admit: admitLoopback });
    const { exitCode, stdout } = await runPeer("client", "-httphook", "-socket", socket, "-task", "echo", "-args", '{"over":"http"}');
    expect(JSON.parse(stdout)).toMatchObject({ error: "", result: { over: "http" } });
    expect(exitCode).toBe(0);
  });

  test("500 calls, 16 at once, are all answered at an HTTP hook", async () => {
    const socket = await startService((request) => request.args, { admit: admitLoopback });
    const { stdout, stderr } = await runPeer("client", "-httphook", "-socket", socket, "-task", "echo", "-count", "500", "-parallel", "16");
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({ sent: 500, answered: 500, failed: 0 });
  });

  test.each([
    ["by default", undefined],
    ["where only other origins are admitted", admitTargets({ origins: ["https://127.0.0.1", "http://127.0.0.1:1"] })],
  ])("is not answered at an HTTP hook %s", async (_, admit) => {
    const reported = Promise.withResolvers<AcommError>();
    const socket = await startService((request) => request.args, { admit, onError: reported.resolve });
    expect(await runPeer("client", "-httphook", "-socket", socket, "-task", "echo", "-timeout", "700ms")).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("timeout: no response") });
    expect(await reported.promise).toMatchObject({ code: "forbidden_target" });
  });

  test("gets no connection where nobody listens any more", async () => {
    expect(await runPeer("client", "-socket", "/nowhere/ts.sock", "-task", "echo")).toMatchObject({ exitCode: 2, stdout: "" });
  });
});
