import { AcommError, parseUrl } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { createServer as createNetServer } from "node:net";
import { PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { exchangeRaw, startHttp } from "../fixtures/http.ts";
import type { TestServer } from "../fixtures/http.ts";
import { codeOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { createRegistry } from "../registry.ts";
import { openStream } from "../stream.ts";
import { StreamSigner } from "../stream-signer.ts";
import { serveUnixStream } from "../unix/stream.ts";
import type { UnixStream } from "../unix/stream.ts";
import { createUnixTransport } from "../unix/transport.ts";
import { createStreamProxyHandler } from "./stream-proxy.ts";
import type { StreamProxyOptions } from "./stream-proxy.ts";

let directory: TemporaryDirectory;
beforeEach(async () => { directory = await temporaryDirectory(); });
afterEach(() => directory[Symbol.asyncDispose]());

const startProxy = (options: StreamProxyOptions): Promise<TestServer> => {
  const handler = createStreamProxyHandler(options);
  return startHttp((request, response) => void handler(request, response));
};
const serveStream = (source: Parameters<typeof serveUnixStream>[0]): Promise<UnixStream> => serveUnixStream(source, { directory: directory.path });
const statusOf = async (url: string | URL, init: RequestInit = {}): Promise<number> => {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
};
const addrOf = (server: TestServer, target: string): string => `${server.url}?${new URLSearchParams({ addr: target }).toString()}`;

test("reads by 96 KiB, of which TCP takes the whole", async () => {
  let chunk = 0;
  const whole = createUnixTransport();
  const registry = createRegistry([{
    ...whole,
    openStream: (url, options) => {
      chunk = options.readBytes ?? 0;
      return whole.openStream(url, options);
    },
  }]);
  await using server = await startProxy({ authorize: () => true, registry });
  const served = await serveStream([Buffer.alloc(1_000_000)]);
  expect((await (await fetch(addrOf(server, served.url.href))).arrayBuffer()).byteLength).toBe(1_000_000);
  expect(chunk).toBe(96 * 1024);
});

describe("a signed URL", () => {
  test("is served, with headers that let no browser guess (S27)", async () => {
    const signer = new StreamSigner();
    await using server = await startProxy({ signer });
    const served = await serveStream(["some ", "bytes"]);
    const response = await fetch(signer.sign(`${server.url}stream?keep=1`, served.url));
    expect([response.status, await response.text()]).toEqual([200, "some bytes"]);
    expect(Object.fromEntries(response.headers)).toMatchObject({ "content-type": "application/octet-stream", "x-content-type-options": "nosniff", "cache-control": "no-store" });
    await served.done;
  });

  test("of an empty stream is an empty body", async () => {
    const signer = new StreamSigner();
    await using server = await startProxy({ signer });
    const served = await serveStream([]);
    expect(await (await fetch(signer.sign(server.url, served.url))).text()).toBe("");
    await served.done;
  });

  test("S9 with one character changed, each in turn, is never served", async () => {
    const signer = new StreamSigner();
    await using server = await startProxy({ signer });
    const served = await serveStream(["bytes"]);
    const url = signer.sign(server.url, served.url);
    const query = url.search.slice(1);
    const statuses = new Set<number>();
    for (let at = 0; at < query.length; at += 1) {
      const flipped = String.fromCharCode(query.charCodeAt(at) ^ 1);
      if (flipped === "#" || flipped === "&") continue;
      const changed = `${query.slice(0, at)}${flipped}${query.slice(at + 1)}`;
      statuses.add((await exchangeRaw(server.port, `GET /?${changed} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).status);
    }
    expect([...statuses].toSorted()).toEqual([400, 403]);
    expect(await (await fetch(url)).text()).toBe("bytes");
  });

  test("S9 A79 A80 of another signer is 403, expired is 410, read before is 410", async () => {
    const signer = new StreamSigner({ ttlMs: 1 });
    await using server = await startProxy({ signer });
    const served = await serveStream(["bytes"]);
    expect(await statusOf(new StreamSigner().sign(server.url, served.url))).toBe(403);
    const short = signer.sign(server.url, served.url);
    await new Promise((resolve) => setTimeout(resolve, 20)); // longer than it may be used
    expect(await statusOf(short)).toBe(410);
    served.cancel();
    const lasting = new StreamSigner();
    await using other = await startProxy({ signer: lasting });
    const again = await serveStream(["bytes"]);
    const url = lasting.sign(other.url, again.url);
    expect([await statusOf(url), await statusOf(url)]).toEqual([200, 410]);
  });

  test("A79 with a parameter twice is judged by the first, which is what was signed", async () => {
    const signer = new StreamSigner();
    await using server = await startProxy({ signer, authorize: () => false });
    const served = await serveStream(["bytes"]);
    const other = await serveStream(["other"]);
    const url = signer.sign(server.url, served.url).href;
    const addr = encodeURIComponent(other.url.href);
    for (const change of [`addr=${addr}&`, "end=&", "expires=1e99&", "sig=x&", "sig=&", "%61ddr=x&"]) expect([change, await statusOf(url.replace("?", `?${change}`))]).toEqual([change, 403]);
    expect(await (await fetch(`${url}&addr=${addr}&sig=x&expires=1e99`)).text()).toBe("bytes");
    other.cancel();
  });

  test("F36 can't be stretched by a clock that is set back", () => {
    const signer = new StreamSigner({ ttlMs: 1000 });
    const url = signer.sign("http://127.0.0.1/", "unix:///run/s.sock");
    expect(Number(url.searchParams.get("expires"))).toBeLessThan(performance.now() + 2000);
    expect(thrownBy(() => new StreamSigner({ ttlMs: Number.NaN })).message).toMatch("ttlMs");
  });
});

describe("an address that is not signed", () => {
  test("A79 is 400 where it is missing or bad, and 403 without authorize", async () => {
    await using server = await startProxy({ signer: new StreamSigner() });
    for (const path of ["", "?", "?other=1", "?addr=", "?addr=unix%3Arelative", "?addr=%00"]) expect([path, await statusOf(`${server.url}${path}`)]).toEqual([path, 400]);
    expect((await exchangeRaw(server.port, "GET // HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).status).toBe(400);
    const served = await serveStream(["bytes"]);
    expect(await statusOf(addrOf(server, served.url.href))).toBe(403);
    expect(await statusOf(`${addrOf(server, served.url.href)}&sig=garbage`)).toBe(403);
    served.cancel();
  });

  test("is served where authorize says yes, and nowhere else: no, a promise of no, a throw", async () => {
    const seen: [AcommUrl, IncomingMessage][] = [];
    const answers: (() => boolean | Promise<boolean>)[] = [
      () => false,
      () => Promise.resolve(false),
      () => { throw new Error("broken"); },
      () => Promise.reject(new Error("broken")),
      () => true,
    ];
    await using server = await startProxy({
      authorize(url, request) {
        seen.push([url, request]);
        return answers[seen.length - 1]?.() ?? false;
      },
    });
    const served = await serveStream(["bytes"]);
    for (let index = 0; index < 4; index += 1) expect(await statusOf(addrOf(server, served.url.href))).toBe(403);
    expect(await (await fetch(`${addrOf(server, served.url.href)}&end=half-close`)).text()).toBe("bytes");
    expect([seen[4]?.[0].href, seen[4]?.[0].streamEnd, seen[4]?.[1].method]).toEqual([served.url.href, "half-close", "GET"]);
  });

  test("S6 S10 of a scheme that is not served is 403, and an answer names no path", async () => {
    await using server = await startProxy({ authorize: () => true });
    expect(await statusOf(addrOf(server, "file:///etc/passwd"))).toBe(403);
    const gone = await fetch(addrOf(server, `unix://${directory.path}/gone.sock`));
    expect([gone.status, await gone.text()]).toEqual([410, "the stream is gone: each can be read once\n"]);
  });

  test("needs an authorize or a signer to be served at all", () => {
    expect(thrownBy(() => createStreamProxyHandler({})).message).toMatch("needs a signer or authorize");
  });
});

test("A74 another method is 405, says what is allowed and consumes nothing", async () => {
  const signer = new StreamSigner();
  await using server = await startProxy({ signer });
  const served = await serveStream(["bytes"]);
  const url = signer.sign(server.url, served.url);
  for (const method of ["POST", "HEAD", "OPTIONS", "DELETE"]) {
    const response = await fetch(url, { method });
    expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, "GET"]);
  }
  expect((await exchangeRaw(server.port, `TRACE /${url.search} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).status).toBe(405); // fetch refuses to send it
  expect(await (await fetch(url)).text()).toBe("bytes");
});

describe("a stream that fails", () => {
  test("A85 before its first byte is 502, and 504 where nothing comes in time", async () => {
    const signer = new StreamSigner();
    await using server = await startProxy({ signer, idleTimeoutMs: 40 });
    // eslint-disable-next-line require-yield -- it fails before its first byte
    const failing = await serveStream((function* (): Generator<string> { throw new Error("at once"); })());
    const response = await fetch(signer.sign(server.url, failing.url));
    expect([response.status, await response.text()]).toEqual([502, "the stream failed before its first byte\n"]);
    const silent = await serveStream(new PassThrough());
    expect(await statusOf(signer.sign(server.url, silent.url))).toBe(504);
    await using odd = await startProxy({ authorize: () => true, registry: createRegistry([{ schemes: ["odd"], send: () => Promise.reject(new Error("no")), openStream: () => Promise.reject(new Error("odd")), close: () => Promise.resolve() }]) });
    expect(await statusOf(addrOf(odd, "odd://x/"))).toBe(502);
  });

  test("A81 after some bytes is a body that breaks off, also for one who reads it as a stream", async () => {
    const signer = new StreamSigner();
    await using server = await startProxy({ signer });
    const failing = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.alloc(200_000, "x");
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error("later");
    };
    const url = signer.sign(server.url, (await serveStream(failing())).url);
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
    const other = signer.sign(server.url, (await serveStream(failing())).url);
    expect(await codeOf(openStream(other).then(buffer))).toMatch(/^(truncated_stream|unavailable)$/);
    const whole = signer.sign(server.url, (await serveStream(["all"])).url);
    expect(await text(await openStream(whole))).toBe("all");
  });
});

describe("a reader that leaves", () => {
  test("in the middle, or before the first byte, ends the source", async () => {
    const signer = new StreamSigner();
    await using server = await startProxy({ signer });
    for (const first of ["x", ""]) {
      const source = new PassThrough();
      if (first !== "") source.write(first);
      const served = await serveStream(source);
      const request = get(signer.sign(server.url, served.url)).on("error", () => undefined);
      if (first !== "") await once(request, "response");
      else await waitForReader(served);
      request.destroy();
      expect(await codeOf(served.done)).toBe("truncated_stream");
      expect(source.destroyed).toBe(true);
    }
  });

  test("while it is being authorised opens nothing", async () => {
    const asked = Promise.withResolvers<undefined>();
    const answer = Promise.withResolvers<boolean>();
    const handled: Promise<void>[] = [];
    const handler = createStreamProxyHandler({
      authorize() {
        asked.resolve(undefined);
        return answer.promise;
      },
    });
    const left = Promise.withResolvers<undefined>();
    await using server = await startHttp((request, response) => {
      response.once("close", () => { left.resolve(undefined); });
      handled.push(handler(request, response));
    });
    let visits = 0;
    const canary = createNetServer(() => { visits += 1; }).listen(directory.socket("canary"));
    onTestFinished(() => void canary.close());
    await once(canary, "listening");
    const request = get(addrOf(server, `unix://${directory.socket("canary")}`)).on("error", () => undefined);
    await asked.promise;
    request.destroy();
    await left.promise;
    answer.resolve(true);
    await Promise.all(handled);
    expect(visits).toBe(0);
  });
});

async function waitForReader(served: UnixStream): Promise<void> {
  const name = served.url.pathname.split("/").at(-1) ?? "";
  while ((await readdir(directory.path)).includes(name)) await new Promise((resolve) => setImmediate(resolve));
}

test("S9 with any bit of any byte changed a signature is refused, or names the same stream still", () => {
  const signer = new StreamSigner();
  const url = signer.sign("http://127.0.0.1/", parseUrl("unix:///run/acomm/a b.sock", { streamEnd: "half-close" }));
  const query = url.search.slice(1);
  let refused = 0;
  for (let at = 0; at < query.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const changed = new URLSearchParams(`${query.slice(0, at)}${String.fromCharCode(query.charCodeAt(at) ^ (1 << bit))}${query.slice(at + 1)}`);
      const outcome = verdict(() => signer.verify(changed).href);
      // the case of an escape's digits, for one, means nothing
      if (outcome === "forbidden_target") refused += 1;
      else expect([outcome, changed.get("addr"), changed.get("expires"), changed.get("sig")]).toEqual(["unix:///run/acomm/a%20b.sock", ...["addr", "expires", "sig"].map((key) => url.searchParams.get(key))]);
    }
  }
  expect(refused).toBeGreaterThan(8 * query.length * 0.9);
});

test("S9 a signature of any other length, or of none of the letters, is refused without more ado", () => {
  const signer = new StreamSigner();
  const { searchParams } = signer.sign("http://127.0.0.1/", "unix:///run/s.sock");
  const sig = searchParams.get("sig") ?? "";
  expect(sig).toHaveLength(43);
  for (const forged of ["", sig.slice(1), sig.slice(0, -1), `${sig}A`, `${sig}=`, ` ${sig}`, "é".repeat(43), "\0".repeat(43), sig.toLowerCase(), "A".repeat(100_000)]) {
    searchParams.set("sig", forged);
    expect([forged.slice(0, 50), verdict(() => signer.verify(searchParams).href)]).toEqual([forged.slice(0, 50), "forbidden_target"]);
  }
});

test("S9 what a signature is not over doesn't matter, and what it is over counts once, the first", async () => {
  const signer = new StreamSigner();
  const { searchParams } = signer.sign("http://127.0.0.1/", "unix:///run/s.sock");
  searchParams.append("addr", "unix:///run/other.sock");
  searchParams.append("expires", "99999999999");
  expect(signer.verify(searchParams).pathname).toBe("/run/s.sock");
  const swapped = new URLSearchParams(`addr=unix:///run/other.sock&${searchParams.toString()}`);
  expect(verdict(() => signer.verify(swapped).href)).toBe("forbidden_target");
});

const verdict = (action: () => string): string => {
  try {
    return action();
  } catch (error) {
    return error instanceof AcommError ? error.code : String(error);
  }
};

test("the signed query names the stream exactly", () => {
  const signer = new StreamSigner();
  const target = parseUrl("unix:///run/a%20b%26c.sock", { streamEnd: "half-close" });
  const url = signer.sign("http://127.0.0.1:8080/stream", target);
  const verified = signer.verify(url.searchParams);
  expect([verified.href, verified.streamEnd]).toEqual([target.href, "half-close"]);
  expect(thrownBy(() => signer.verify(new URLSearchParams())).code).toBe("forbidden_target");
  expect(thrownBy(() => signer.sign("unix:relative", target))).toBeInstanceOf(AcommError);
});
