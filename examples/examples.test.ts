import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";

const examples = readdirSync(import.meta.dirname).filter((name) => existsSync(join(import.meta.dirname, name, "main.ts")));

/** Runs an example from the packages' sources: no build is needed. */
async function run(name: string, timeoutMs = 15_000): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const args = ["--disable-warning=ExperimentalWarning", "--conditions=@acomm/source", join(import.meta.dirname, name, "main.ts")];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs });
  const closed = once(child, "close") as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}

describe("the examples", () => {
  test("are found", () => {
    expect(examples).toEqual(expect.arrayContaining(["coordinator", "demo", "echo", "fan-out", "memory", "seed", "serve-a-task", "your-own-transport"]));
  });

  test.each(examples.filter((name) => name !== "demo"))("%s finds nothing wrong and says what it saw", { timeout: 200_000 }, async (name) => {
    expect(await run(name, 180_000)).toEqual({ code: 0, stdout: expect.stringMatching(/^(?:.+\n)+$/), stderr: "" });
  });

  test("the demo runs a coordinator, two providers and the command line, and finds nothing wrong", { timeout: 60_000 }, async () => {
    const { code, stdout, stderr } = await run("demo", 50_000);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^ {2}work {7}left {12}50 {2}ok /m);
    expect(stdout).toMatch(/^ {2}100 % {2}\d+\.\d MiB of \d+\.\d MiB\n {2}\d+ MB\/s, sha256 [0-9a-f]{16}… is the provider's$/m);
    expect(stdout).toMatch(/^ {2}the next call {14}answered by right, after \d+ ms$/m);
    expect(stdout).toMatch(/^ {2}a task that nobody serves {6}unknown_task: .* did you mean disks\?$/m);
    expect(stdout).toMatch(/^checked: /m);
    expect(stdout.trimEnd().endsWith("coordinator and provider ended in order, and no socket of theirs is left")).toBe(true);
    expect(stdout).not.toContain("\u001b");
    expect(code).toBe(0);
  });
});
