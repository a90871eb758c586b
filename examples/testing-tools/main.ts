/** What `@acomm/transport-testing` has: the rules for transports, networks for tests that don't care which, and a proxy that makes faults. */
import { Tracker } from "@acomm/tracker";
import { createUnixTransport, serve, serveUnixStream, UnixListener } from "@acomm/transport";
import { createMemoryNetwork, FaultProxy, openTestNetwork, startFaultProxy, transportCompliance, useTestNetwork } from "@acomm/transport-testing";
import type { ComplianceCapability, ComplianceCase, ComplianceNetwork, ComplianceStream, ComplianceSubject, ConnectionFaults, DirectionFaults, FaultPlan, FaultProxyOptions, MemoryNetwork, MemoryNetworkOptions, ProxiedConnection, TestNetwork, TestNetworkOptions } from "@acomm/transport-testing";
import { createRegistry } from "@acomm/transport";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = await mkdtemp(join(tmpdir(), "acomm-testing-"));

// the rules that every transport keeps, here for unix sockets
const capabilities: readonly ComplianceCapability[] = ["order", "answers", "probe", "streams"];
let sockets = 0;
const subject: ComplianceSubject = {
  capabilities,
  async open(limits): Promise<ComplianceNetwork> {
    const transport = createUnixTransport(limits);
    return {
      transport,
      createListener: () => new UnixListener(join(directory, `${(sockets += 1)}.sock`), limits),
      serveStream: (source): Promise<ComplianceStream> => serveUnixStream(source, { directory }),
      [Symbol.asyncDispose]: () => transport.close(),
    };
  },
};
const cases: readonly ComplianceCase[] = transportCompliance(subject);
for (const { name, run } of cases.filter((_, index) => index % 8 === 0)) await run().catch((cause: unknown) => { throw new Error(name, { cause }); });

// a network for tests: unix sockets, unless another one is chosen
useTestNetwork(async (): Promise<TestNetwork> => {
  const limits: MemoryNetworkOptions = { maxFrameBytes: 64 * 1024 };
  const memory: MemoryNetwork = createMemoryNetwork(limits);
  const registry = createRegistry([memory.transport]);
  const options: TestNetworkOptions = { registry };
  return { options, trackerOptions: () => options, createListener: (name) => memory.createListener(name), urlOf: (name) => `memory://${name}`, [Symbol.asyncDispose]: () => registry.close() };
});
await using network = await openTestNetwork();
const here = network.createListener("adder");
await here.start();
await using adder = serve<number>(here, ({ args }) => args + 1, network.options);
await using inMemory = new Tracker(network.trackerOptions());
await inMemory.start();
assert.equal(await inMemory.request(network.urlOf("adder"), { task: "add-one", args: 1 }), 2);

// what becomes of a call whose connection breaks
const listener = new UnixListener(join(directory, "real.sock"));
await listener.start();
await using service = serve<number>(listener, ({ args }) => args + 1);
const short: DirectionFaults = { cutAfterBytes: 0 };
const cut: ConnectionFaults = { toClient: short };
const plan: FaultPlan = (index) => (index === 0 ? cut : {});
const faults: FaultProxyOptions = { target: listener.address, plan };
const proxy: FaultProxy = await startFaultProxy(join(directory, "faulty.sock"), faults);
assert.ok(proxy instanceof FaultProxy);
await using tracker = new Tracker();
await tracker.start();
await assert.rejects(tracker.request(proxy.url, { task: "add-one", args: 1 }), { code: "ambiguous" }, "its acknowledgement was lost: it may have run");
assert.equal(await tracker.request(proxy.url, { task: "add-one", args: 1 }), 2);
const [open]: readonly (ProxiedConnection | undefined)[] = proxy.connections;
open?.cut();
await proxy.stop();
await tracker.stop();

await service.stop();
await adder.stop();
await rm(directory, { recursive: true });
console.log(`testing-tools: some of ${cases.length} rules kept, a call in memory, and one through a connection that broke`);
