/** Services that announce themselves on a network and are found there, whatever the network is: here a NATS server. */
import { Tracker } from "@acomm/tracker";
import { createRegistry, serve } from "@acomm/transport";
import type { AnnouncedEndpoint, Announcement, DiscoverOptions, EndpointCounts, FoundEndpoint, FoundService, ServiceAnnouncement, ServiceNetwork } from "@acomm/transport";
import { createNatsNetwork } from "@acomm/transport-nats";
import assert from "node:assert/strict";
import { startBroker } from "../nats-durable/broker.ts";

const broker = await startBroker("nats-network");
const nats = createNatsNetwork({ server: broker.server });
const network: ServiceNetwork = nats;
const registry = createRegistry([network.transport]);

// a service at two addresses: its own, and one that it shares with others who do the same
const own = network.createListener("weather.station-7");
const shared = network.createListener("weather.any");
for (const listener of [own, shared]) await listener.start();
let done = 0;
const answer = (): string => {
  done += 1;
  return "rain";
};
const services = [own, shared].map((listener) => serve(listener, answer, { registry }));

const counts = (): EndpointCounts => ({ done, failed: 0, busyMs: done });
const endpoint: AnnouncedEndpoint = { name: "weather", url: network.urlOf("weather.station-7"), sharedUrl: network.urlOf("weather.any"), counts, metadata: { height: "120" } };
const station: ServiceAnnouncement = { name: "station-7", description: "The weather at the harbour.", version: "1.2.0", endpoints: [endpoint] };
const announcement: Announcement = await network.announce(station);

// whoever looks for services finds it
const changes: string[] = [];
const watch = network.watch(() => { changes.push("look again"); });
const options: DiscoverOptions = { waitMs: 500 };
const found: readonly FoundService[] = await network.discover(options);
assert.deepEqual(found.map(({ name, id, description }) => [name, id, description]), [["station-7", announcement.id, "The weather at the harbour."]]);
const [weather]: readonly (FoundEndpoint | undefined)[] = found[0]?.endpoints ?? [];
assert.deepEqual([weather?.name, weather?.metadata["height"]], ["weather", "120"]);

const tracker = new Tracker({ registry, listener: network.createListener(), streams: network });
await tracker.start();
assert.equal(await tracker.request(weather?.url ?? "", { task: "weather" }), "rain");
assert.equal(await tracker.request(network.urlOf("weather.any"), { task: "weather" }), "rain");
assert.equal(counts().done, 2);

await announcement.withdraw();
assert.deepEqual(await network.discover({ waitMs: 200 }), []);
await tracker.stop();
for (const service of services) await service.stop();
watch[Symbol.dispose]();
await nats.close();
await broker.stop();
console.log("nats-network: a service was found by what it told of itself, and called at its own address and at a shared one");
