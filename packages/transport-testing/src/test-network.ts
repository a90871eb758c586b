import { UnixListener } from "@acomm/transport";
import type { Listener, ServiceNetwork, StreamServer, TargetPolicy, TransportRegistry } from "@acomm/transport";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What trackers and services are to be given, so that they work over a network. */
export interface TestNetworkOptions {
  /** The transports that reach the network. @default those that there always are */
  readonly registry?: TransportRegistry | undefined;
  /** Admits the addresses of the network. @default unix sockets */
  readonly admit?: TargetPolicy | undefined;
}

/** A network for the tests of what stands on transports, which are the same whatever it is. */
export interface TestNetwork extends AsyncDisposable {
  /** For `serve`, and for who sends and opens streams. */
  readonly options: TestNetworkOptions;
  /** For one `Tracker`. */
  trackerOptions(): TestNetworkOptions & {
    /** Where its responses come in. @default a unix socket of its own */
    readonly listener?: Listener | undefined;
    /** Serves its streams. @default unix sockets */
    readonly streams?: StreamServer | undefined;
  };
  /** A listener of that name, not started. */
  createListener(name: string): Listener;
  /** Where a listener of that name is reached, be it there or not. */
  urlOf(name: string): string;
  /** What services of other machines would be on, by a connection of its own; undefined where there is no such network. */
  readonly openServiceNetwork?: () => ServiceNetwork;
}

let openChosen: () => Promise<TestNetwork> = openUnixNetwork;

/** A network of its own for a test. @default unix sockets, unless {@link useTestNetwork} has chosen another one */
export function openTestNetwork(): Promise<TestNetwork> {
  return openChosen();
}

/** Chooses what {@link openTestNetwork} opens, for the tests of this process: in a file that is set up before them. */
export function useTestNetwork(open: () => Promise<TestNetwork>): void {
  openChosen = open;
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
