export { insideHosts, startCanaries } from "./canaries.ts";
export type { Canaries } from "./canaries.ts";
export { fixtureRunner } from "./fixture.ts";
export type { Fixture } from "./fixture.ts";
export { internalNames } from "./internal-names.ts";
export { NatsServer, whyNoNatsServer } from "./nats-server.ts";
export { codeOf, errorOf, thrownBy } from "./outcome.ts";
export { temporaryDirectory } from "./temporary-directory.ts";
export type { TemporaryDirectory } from "./temporary-directory.ts";
