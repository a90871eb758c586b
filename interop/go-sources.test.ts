import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildTimeoutMs, hasGo, runGo } from "./go-peer.ts";

const gofmt = join(hasGo ? runGo("env", "GOROOT").stdout.trim() : "", "bin", "gofmt");

describe.skipIf(!hasGo)("the sources of the Go peer", () => {
  test("go vet has nothing to say", { timeout: buildTimeoutMs }, () => {
    expect(runGo("vet", "./...")).toMatchObject({ status: 0, stderr: "" });
  });

  test.skipIf(!existsSync(gofmt))("gofmt would change nothing", () => {
    expect(spawnSync(gofmt, ["-l", join(import.meta.dirname, "go")], { encoding: "utf8" })).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });
});
