import { temporaryDirectory } from "@acomm/testing";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfigFile } from "./config-file.ts";

const known = new Set(["timeout", "socketDir"]);

test("the file that is named, or else the usual one, or else none", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "a.json");
  await writeFile(file, '{"timeout":"1s"}');
  expect(await readConfigFile(file, {}, known)).toEqual({ path: file, values: new Map([["timeout", "1s"]]) });
  expect(await readConfigFile(undefined, { XDG_CONFIG_HOME: directory.path }, known)).toBeUndefined();
  await mkdir(join(directory.path, "acomm"));
  await writeFile(join(directory.path, "acomm", "config.json"), '{"timeout":2}');
  expect((await readConfigFile(undefined, { XDG_CONFIG_HOME: directory.path }, known))?.values.get("timeout")).toBe(2);
});

test.each([
  ['{"tiemout":1}', 'has an unknown key "tiemout": the keys are socketDir, timeout'],
  ['{"__proto__":1}', 'has an unknown key "__proto__"'],
  ['{"toString":1}', 'has an unknown key "toString"'],
  ["[]", "must hold a JSON object"],
  ["null", "must hold a JSON object"],
  ['{"timeout":1,}', "is not JSON at position 13 (line 1 column 14)"],
  ["", "is not JSON"],
])("A90 S19 a file that holds %s is refused", async (text, message) => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "a.json");
  await writeFile(file, text);
  await expect(readConfigFile(file, {}, known)).rejects.toThrow(`the configuration file ${file} ${message}`);
});

test("a file that is named and missing is refused", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "a.json");
  await expect(readConfigFile(file, {}, known)).rejects.toThrow(`the configuration file ${file} can't be read (ENOENT): choose another with --config`);
});
