import { AcommError, createRequest, createResponse, parseUrl } from "@acomm/protocol";
import { insideHosts, startCanaries, temporaryDirectory } from "@acomm/testing";
import type { Canaries, TemporaryDirectory } from "@acomm/testing";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { deliverResponse } from "./deliver.ts";
import { exchangeRaw, startHttp } from "./fixtures/http.ts";
import { requestText, startService } from "./fixtures/service.ts";
import { until } from "./fixtures/until.ts";
import { createStreamProxyHandler } from "./http/stream-proxy.ts";
import type { StreamProxyOptions } from "./http/stream-proxy.ts";
import { createRegistry } from "./registry.ts";
import { respond } from "./send.ts";
import { openStream } from "./stream.ts";
import { StreamSigner } from "./stream-signer.ts";
import { admitTargets, checkTarget } from "./target-policy.ts";
import type { TargetPolicy } from "./target-policy.ts";

/** Something that opens a URL which somebody else has written. */
interface Door {
  /** Asks it to open the URL; says why it doesn't. */
  knock(target: string): Promise<string>;
  /** How many connections the asking itself takes. */
  readonly connections: number;
}

async function outcomeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
    return "opened";
  } catch (error) {
    return error instanceof AcommError ? error.code : String(error);
  }
}

async function hookOfServe(admit: TargetPolicy | undefined): Promise<Door> {
  const errors: AcommError[] = [];
  const service = await startService(() => 1, { admit, hookTimeoutMs: 100, onError: (error) => errors.push(error) });
  const client = await service.connect();
  onTestFinished(async () => {
    await client[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });
  return {
    connections: 1,
    async knock(target) {
      client.say(requestText("a", null, { hook: target, reply: false }));
      const { error } = JSON.parse((await client.next()) ?? "{}") as { readonly error: string };
      if (error !== "") return error.split(":")[0] ?? "";
      await until(() => service.service.inFlightCount === 0);
      return errors.pop()?.code ?? "opened";
    },
  };
}

/** The hook of a caller that has left is looked at, whether anybody listens there. */
async function hookOfCallerGone(admit: TargetPolicy | undefined): Promise<Door> {
  const service = await startService((_request, { signal }) => new Promise((resolve) => { signal.addEventListener("abort", resolve); }), { admit, hookTimeoutMs: 100 });
  onTestFinished(() => service[Symbol.asyncDispose]());
  let connections = 0;
  return {
    get connections() {
      return connections;
    },
    async knock(target) {
      connections += 2;
      const client = await service.connect();
      client.say(requestText("a", null, { hook: target }));
      await client.next();
      client.socket.destroy();
      await client.closed;
      await using other = await service.connect();
      other.say("null");
      await other.next(); // the service has seen the end before this
      return "left";
    },
  };
}

async function hookOfDelivery(admit: TargetPolicy = admitTargets()): Promise<Door> {
  const registry = createRegistry();
  onTestFinished(() => registry.close());
  return {
    connections: 0,
    knock: (target) => outcomeOf(async () => {
      const request = createRequest({ task: "t", responseHook: target });
      await deliverResponse(request, createResponse(request), { registry, admit, timeoutMs: 100 });
    }),
  };
}

/** `respond` and `openStream` open what the application gives them: it asks the policy first. */
async function applicationThatChecks(purpose: "response" | "stream", admit: TargetPolicy = admitTargets()): Promise<Door> {
  return {
    connections: 0,
    knock: (target) => outcomeOf(async () => {
      const url = parseUrl(target);
      await checkTarget(admit, url, purpose);
      if (purpose === "stream") (await openStream(url)).destroy();
      const request = createRequest({ task: "t", responseHook: url });
      if (purpose === "response") await respond(request, createResponse(request));
    }),
  };
}

async function streamProxy(options: StreamProxyOptions, queryOf: (target: string) => URLSearchParams): Promise<Door> {
  const registry = createRegistry();
  const handler = createStreamProxyHandler({ ...options, registry });
  const server = await startHttp((request, response) => void handler(request, response));
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    await registry.close();
  });
  let connections = 0;
  return {
    get connections() {
      return connections;
    },
    async knock(target) {
      connections += 1;
      const { status } = await exchangeRaw(server.port, `GET /?${queryOf(target).toString()} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      return status === 200 ? "opened" : String(status);
    },
  };
}

const addr = (target: string): URLSearchParams => new URLSearchParams({ addr: target });
/** The query that a signer makes; of what it doesn't sign, the one that somebody would write who can't sign. */
const signedBy = (signer: StreamSigner) => (target: string): URLSearchParams => {
  try {
    return signer.sign("http://127.0.0.1/", target).searchParams;
  } catch {
    return new URLSearchParams({ addr: target, expires: "99999999", sig: "x".repeat(43) });
  }
};

const signer = new StreamSigner();
const doors: readonly (readonly [name: string, open: (admit?: TargetPolicy) => Promise<Door>, verdicts: readonly string[]])[] = [
  ["the response hook of a request to serve", hookOfServe, ["forbidden_target", "bad_field"]],
  ["the response hook of a caller that has left", hookOfCallerGone, ["left"]],
  ["the response hook in deliverResponse", hookOfDelivery, ["forbidden_target", "bad_field"]],
  ["the response hook in respond, behind checkTarget", (admit) => applicationThatChecks("response", admit), ["forbidden_target", "bad_field"]],
  ["the stream in openStream, behind checkTarget", (admit) => applicationThatChecks("stream", admit), ["forbidden_target", "bad_field"]],
  ["the stream proxy's addr, authorised by a policy", (admit = admitTargets()) => streamProxy({ authorize: (url) => admit(url, "stream") }, addr), ["403", "400"]],
];
/** These open nothing that they have not signed, be it local or not. */
const signedDoors: readonly (readonly [name: string, queryOf: (target: string) => URLSearchParams])[] = [
  ["without a signature", addr],
  ["with the signature of another process", signedBy(new StreamSigner())],
  ["with the signature of another address", (target) => {
    const query = signer.sign("http://127.0.0.1/", "unix:///run/a.sock").searchParams;
    query.set("addr", target);
    return query;
  }],
];

let directory: TemporaryDirectory;
let canaries: Canaries;
beforeEach(async () => {
  directory = await temporaryDirectory();
  await mkdir(join(directory.path, "outside"));
  canaries = await startCanaries(join(directory.path, "outside", "canary.sock"));
});
afterEach(async () => {
  await canaries[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

const overHttp = (): string[] => insideHosts.flatMap((host) => [`http://${host}:${canaries.port}/`, `https://${host}:${canaries.port}/`]);

/** Spellings of the canary's socket, seen from a directory that is admitted. */
async function outsideOf(admitted: string): Promise<string[]> {
  const outside = join(directory.path, "outside");
  const canary = join(outside, "canary.sock");
  await mkdir(admitted);
  await symlink(canary, join(admitted, "link.sock"));
  await symlink("../outside", join(admitted, "link"));
  await symlink("link", join(admitted, "second"));
  await mkdir(`${admitted}-evil`);
  await symlink(canary, join(`${admitted}-evil`, "canary.sock"));
  return [
    canary, `/${canary}`, `${admitted}-evil/canary.sock`, `${admitted}/link.sock`, `${admitted}/link/canary.sock`, `${admitted}/second/canary.sock`,
    `${admitted}/../outside/canary.sock`, `${admitted}/%2e%2e/outside/canary.sock`, `${admitted}/..%2foutside%2fcanary.sock`, `${admitted}%2f..%2Foutside/canary.sock`,
    `${admitted}/%2E./outside/canary.sock`, `${admitted}/\\../outside/canary.sock`, `${admitted.replace("admitted", "ADMITTED")}/link.sock`,
  ].map((path) => `unix://${path}`);
}

describe("S6 nothing is opened that the policy doesn't admit:", () => {
  test.each(doors)("%s", async (_name, open, verdicts) => {
    const admitted = join(directory.path, "admitted");
    const sockets = await outsideOf(admitted);
    const byDefault = await open();
    for (const target of overHttp()) expect([target, verdicts.includes(await byDefault.knock(target))]).toEqual([target, true]);
    const byLists = await open(admitTargets({ socketDirectories: [admitted], origins: ["https://example.com", `http://example.com:${canaries.port}`, `http://user:word@example.net:${canaries.port}`], schemes: ["memory"] }));
    for (const target of [...overHttp(), ...sockets]) expect([target, verdicts.includes(await byLists.knock(target))]).toEqual([target, true]);
    expect([canaries.visits, canaries.outgoing]).toEqual([0, byDefault.connections + byLists.connections]);

    // the canaries are there, for whoever admits them
    const byOrigin = await open(admitTargets({ origins: [`http://127.0.0.1:${canaries.port}`] }));
    const outcome = await byOrigin.knock(`http://127.1:${canaries.port}/`);
    if (outcome !== "left") expect([outcome, canaries.visits]).toEqual(["opened", 1]);
    const visits = canaries.visits;
    const bySocket = await open(admitTargets({ socketDirectories: [join(directory.path, "outside")] }));
    await bySocket.knock(`unix://${directory.path}/outside/canary.sock`);
    await until(() => canaries.visits > visits);
  });

  test.each(signedDoors)("the stream proxy's addr %s", async (_name, queryOf) => {
    const door = await streamProxy({ signer }, queryOf);
    const sockets = await outsideOf(join(directory.path, "admitted"));
    for (const target of [...overHttp(), ...sockets]) expect([target, ["400", "403"].includes(await door.knock(target))]).toEqual([target, true]);
    expect([canaries.visits, canaries.outgoing]).toEqual([0, door.connections]);
    const signed = await streamProxy({ signer }, signedBy(signer));
    expect([await signed.knock(`http://127.0.0.1:${canaries.port}/`), canaries.visits]).toEqual(["opened", 1]);
  });
});
