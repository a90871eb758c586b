import { parseUrl } from "@acomm/protocol";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startHttp } from "../fixtures/http.ts";
import { codeOf, temporaryDirectory } from "@acomm/testing";
import type { TemporaryDirectory } from "@acomm/testing";
import { createHttpTransport } from "./transport.ts";
import type { HttpTransportOptions } from "./transport.ts";

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // then there is no certificate to try with
  }
}

const accepted = '{"error":"","id":"","result":null,"stream_url":null}';

describe.skipIf(!hasOpenssl())("S17 https", () => {
  let directory: TemporaryDirectory;
  let cert = "";
  let key = "";
  beforeAll(async () => {
    directory = await temporaryDirectory();
    const [certPath, keyPath] = [join(directory.path, "cert.pem"), join(directory.path, "key.pem")];
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", keyPath, "-out", certPath], { stdio: "ignore" });
    cert = readFileSync(certPath, "utf8");
    key = readFileSync(keyPath, "utf8");
  });
  afterAll(() => directory[Symbol.asyncDispose]());

  async function startTls(listener: RequestListener): Promise<number> {
    const server = createServer({ cert, key }, listener).listen(0, "127.0.0.1");
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  function client(options: HttpTransportOptions = { tls: { ca: cert } }): (url: string) => Promise<unknown> {
    const transport = createHttpTransport(options);
    onTestFinished(() => transport.close());
    return (url) => transport.send(parseUrl(url), "text", {});
  }

  test("is taken from a server whose certificate the authority has signed, on kept connections", async () => {
    const sockets = new Set<unknown>();
    const port = await startTls((request, response) => {
      sockets.add(request.socket);
      response.end(accepted);
    });
    const send = client({ tls: { ca: cert }, maxSockets: 1 });
    const warnings: unknown[] = [];
    const warn = (warning: Error): void => { warnings.push(warning); };
    process.on("warning", warn);
    onTestFinished(() => void process.off("warning", warn));
    for (const ack of await Promise.all(Array.from({ length: 30 }, () => send(`https://localhost:${port}/`)))) expect(ack).toMatchObject({ error: "" });
    expect([sockets.size, warnings]).toEqual([1, []]);
  });

  test("an unknown authority, another name or no TLS at all is unavailable: nothing was sent", async () => {
    let requests = 0;
    const port = await startTls(() => { requests += 1; });
    expect(await codeOf(client({})(`https://localhost:${port}/`))).toBe("unavailable");
    expect(await codeOf(client()(`https://127.0.0.1:${port}/`))).toBe("unavailable");
    await using plain = await startHttp(() => { requests += 1; });
    expect(await codeOf(client()(`https://localhost:${plain.port}/`))).toBe("unavailable");
    expect(requests).toBe(0);
  });

  test("an exchange that breaks off after the request was sent is ambiguous, on a new connection and on a kept one", async () => {
    const port = await startTls((request, response) => {
      if (request.url === "/good") response.end(accepted);
      else request.socket.destroy();
    });
    const send = client({ tls: { ca: cert }, maxSockets: 1 });
    expect(await codeOf(send(`https://localhost:${port}/bad`))).toBe("ambiguous");
    expect(await Promise.all(["good", "bad", "good"].map((path) => codeOf(send(`https://localhost:${port}/${path}`))))).toEqual(["fulfilled", "ambiguous", "fulfilled"]);
  });
});
