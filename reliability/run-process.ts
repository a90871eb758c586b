import { fixtureRunner } from "@acomm/testing";
import type { Fixture } from "@acomm/testing";

/** Runs a file of the folder `processes` in a process of its own. */
export const runProcess: (name: string, ...args: string[]) => Fixture = fixtureRunner(new URL("processes/", import.meta.url).href);
