import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TransportRegistry } from "../registry.ts";
import type { TargetPolicy } from "../target-policy.ts";
import type { Listener, StreamServer } from "../transport.ts";
import { UnixListener } from "../unix/listener.ts";

/** What trackers and services are to be given, so that they work over a network. */
export interface TestNetworkOptions {
  readonly registry?: TransportRegistry | undefined;
  readonly admit?: TargetPolicy | undefined;
}

/** A network for the tests of what stands on transports, which are the same whatever it is. */
export interface TestNetwork extends AsyncDisposable {
  /** For `serve`, and for who sends and opens streams. */
  readonly options: TestNetworkOptions;
  /** For one `Tracker`. */
  trackerOptions(): TestNetworkOptions & { readonly listener?: Listener | undefined; readonly streams?: StreamServer | undefined };
  /** A listener of that name, not started. */
  createListener(name: string): Listener;
  /** Where a listener of that name is reached, be it there or not. */
  urlOf(name: string): string;
}

/** A module that can be named to {@link openTestNetwork}. */
export interface TestNetworkModule {
  openNetwork(): Promise<TestNetwork>;
}

/** The network that the environment names: `ACOMM_TEST_NETWORK` is the path of a {@link TestNetworkModule}. @default unix sockets */
export async function openTestNetwork(): Promise<TestNetwork> {
  const path = process.env["ACOMM_TEST_NETWORK"];
  if (path === undefined) return openUnixNetwork();
  const module = (await import(/* @vite-ignore */ path)) as TestNetworkModule;
  return module.openNetwork();
}

async function openUnixNetwork(): Promise<TestNetwork> {
  const directory = await mkdtemp(join(tmpdir(), "acomm-test-"));
  const pathOf = (name: string): string => join(directory, `${name}.sock`);
  return {
    options: {},
    trackerOptions: () => ({}),
    createListener: (name) => new UnixListener(pathOf(name)),
    urlOf: (name) => `unix://${pathOf(name)}`,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
