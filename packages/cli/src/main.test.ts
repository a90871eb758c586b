import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { commands } from "./commands.ts";
import { runCommand, startCommand } from "./fixtures/run-command.ts";

test("the version is the package's", async () => {
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, "..", "package.json"), "utf8")) as { version: string };
  expect(await runCommand(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});

describe("help", () => {
  test("of the command names every other one and the exit codes", async () => {
    const { code, stdout } = await runCommand(["--help"]);
    expect(code).toBe(0);
    for (const { name, about } of commands) {
      expect(stdout).toContain(name);
      expect(stdout.replace(/\s+/g, " ")).toContain(about);
    }
    expect(stdout).toContain("130 interrupted");
  });

  test.each(commands.map(({ name }) => name))("of %s fits 80 columns and names what may be given", async (name) => {
    const { code, stdout } = await runCommand([name, "--help"]);
    expect(code).toBe(0);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).toContain(`Usage: acomm ${name}`);
    expect(stdout).toContain("--output <format>");
  });
});

describe("A90 what is no command exits with 2", () => {
  test.each([
    [[], "Usage: acomm"],
    [["cal"], "(Did you mean call?)"],
    [["--tiemout"], "unknown option '--tiemout'"],
    [["call"], "missing required argument 'task'"],
    [["ls", "x"], "too many arguments"],
    [["call", "x", "--timeout"], "argument missing"],
    [["stream", "x:"], "no transport for x"],
    [["stream", "unix:rel"], "url"],
  ])("%j", async (args, message) => {
    const { code, stdout, stderr } = await runCommand(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});

test("a reader that leaves early is no failure", async () => {
  await using command = startCommand(["--help"]);
  command.child.stdout.destroy();
  expect((await command.result()).stderr).toBe("");
});
