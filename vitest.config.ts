import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { defineConfig } from "vitest/config";

const packages = join(import.meta.dirname, "packages");
const conditions = ["@acomm/source"]; // the packages' own TypeScript: no build needed before a test

/** @param groupOrder projects of a higher order run once those of a lower one are done */
function project(name: string, root: string, include: string, groupOrder = 0): TestProjectInlineConfiguration {
  return {
    root,
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    // a process per test file: sockets, timers and process-wide hooks of one file never meet another's
    test: { name, include: [include], pool: "forks", isolate: true, testTimeout: 20_000, hookTimeout: 20_000, sequence: { groupOrder } },
  };
}

/** The tests of a package that are the same whatever its calls travel on, over a nats-server. */
function overNats(name: string, files: readonly string[]): TestProjectInlineConfiguration {
  const { test, ...configuration } = project(`${name} over nats`, join(packages, name), "");
  return {
    ...configuration,
    test: { ...test, include: files.map((file) => `src/${file}.test.ts`), setupFiles: [join(packages, "transport-nats", "src", "fixtures", "test-network.ts")] },
  };
}

/** One file of the project after another. */
function alone(configuration: TestProjectInlineConfiguration): TestProjectInlineConfiguration {
  return { ...configuration, test: { ...configuration.test, maxWorkers: 1 } };
}

export default defineConfig({
  test: {
    projects: [
      ...readdirSync(packages).map((name) => project(name, join(packages, name), "src/**/*.test.ts")),
      overNats("tracker", ["tracker-extensions", "tracker-fairness", "tracker-stop", "tracker-track"]),
      overNats("multirequest", ["multi-request"]),
      overNats("coordinator", ["on-network"]),
      overNats("provider", ["caller-gone", "client", "death", "describe", "limits", "nested", "on-network", "outcomes", "schemas", "stop", "streams"]),
      ...["docs", "examples", "interop"].map((name) => project(name, join(import.meta.dirname, name), "**/*.test.ts")),
      project("site", join(import.meta.dirname, "tooling", "site"), "*.test.ts"),
      alone(project("reliability", join(import.meta.dirname, "reliability"), "**/*.test.ts", 1)), // processes of their own, whose memory and delays are measured
      project("benchmarks", join(import.meta.dirname, "benchmarks"), "**/*.test.ts", 2), // what it compares must have the machine for itself
    ],
    maxWorkers: Math.max(availableParallelism() - 1, 2), // most of a test is a wait
    reporters: ["default", "./tooling/scripts/summary-reporter.ts"],
    coverage: {
      provider: "v8",
      include: ["**/src/**/*.ts"],
      // the tests of the command run it in processes of its own, which this doesn't see: process-coverage.mjs does
      exclude: ["**/*.test.ts", "**/fixtures/**", "**/packages/sources/**", "**/src/index.ts", "**/cli/src/**"],
      reporter: [["text", { skipFull: true }], "html"],
      thresholds: { lines: 95 },
    },
  },
});
