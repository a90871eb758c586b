import { temporaryDirectory } from "@acomm/testing";
import { createHttpListener, createHttpTransport, createMemoryNetwork, createStreamProxyHandler, createUnixTransport, HttpDoor, serveUnixStream, StreamSigner, UnixListener } from "@acomm/transport";
import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { transportCompliance } from "./compliance.ts";
import type { ComplianceNetwork, ComplianceSubject } from "./compliance.ts";

const memory: ComplianceSubject = {
  capabilities: ["order", "answers", "probe"],
  async open(limits) {
    const network = createMemoryNetwork(limits);
    let listeners = 0;
    return {
      transport: network.transport,
      createListener: () => network.createListener(`a${listeners++}`),
      [Symbol.asyncDispose]: () => network.transport.close(),
    };
  },
};

const unix: ComplianceSubject = {
  capabilities: ["order", "answers", "probe", "streams"],
  async open(limits) {
    const directory = await temporaryDirectory();
    let listeners = 0;
    return {
      transport: createUnixTransport(limits),
      createListener: () => new UnixListener(directory.socket(`a${listeners++}`), limits),
      serveStream: (source) => serveUnixStream(source, { directory: directory.path }),
      left: () => readdir(directory.path),
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  },
};

const http: ComplianceSubject = {
  capabilities: ["streams"],
  async open(limits) {
    const directory = await temporaryDirectory();
    const signer = new StreamSigner();
    const door = new HttpDoor({ routes: { "/stream": createStreamProxyHandler({ signer }) } });
    await door.start();
    return {
      transport: createHttpTransport(),
      createListener: () => createHttpListener(limits),
      async serveStream(source) {
        const { url, done } = await serveUnixStream(source, { directory: directory.path });
        return { url: signer.sign(new URL("stream", door.url), url), done };
      },
      left: () => readdir(directory.path),
      async [Symbol.asyncDispose]() {
        await door.stop();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
};

describe.each([["memory", memory], ["unix", unix], ["http", http]] as const)("the %s transport complies:", (_name, subject) => {
  test.each(transportCompliance(subject).map(({ name, run }) => [name, run] as const))("%s", (_case, run) => run());
});

test("a transport that doesn't comply is found out", async () => {
  /** The memory network with something broken. */
  const broken = (change: (network: ComplianceNetwork) => Partial<ComplianceNetwork["transport"]>): ComplianceSubject => ({
    ...memory,
    async open(limits) {
      const network = await memory.open(limits);
      return { ...network, transport: { ...network.transport, ...change(network) } };
    },
  });
  const failures = async (subject: ComplianceSubject, part: string): Promise<string[]> => {
    const failed: string[] = [];
    for (const { name, run } of transportCompliance(subject)) if (name.includes(part)) await run().catch(() => { failed.push(name); });
    return failed;
  };
  const schemes = broken(() => ({ schemes: ["other"] }));
  expect(await failures(schemes, "its schemes")).toHaveLength(1);
  expect(await failures({ ...memory, capabilities: ["order"] }, "what it declares")).toHaveLength(1);
  const deaf = broken(({ transport }) => ({ send: (url, text) => transport.send(url, text, {}) }));
  expect(await failures(deaf, "given up before it is sent")).toHaveLength(1);
  const hasty = broken(({ transport }) => ({ send: async (url, text, wait) => {
    await transport.send(url, text, wait);
    return transport.send(url, text, wait);
  } }));
  expect(await failures(hasty, "refuses with overloaded")).toHaveLength(1);
});
