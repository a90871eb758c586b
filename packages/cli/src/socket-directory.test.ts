import { temporaryDirectory } from "@acomm/testing";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkUsualDirectory, usualSocketDirectory } from "./socket-directory.ts";

const uid = process.getuid!();

test("the usual directory is the user's own", async () => {
  await using directory = await temporaryDirectory();
  expect(usualSocketDirectory({ XDG_RUNTIME_DIR: directory.path }, uid)).toBe(join(directory.path, "acomm"));
  expect(usualSocketDirectory({}, 0)).toBe("/run/acomm");
  expect(usualSocketDirectory({}, 1000)).toBe("/tmp/acomm-1000");
});

test("a runtime directory that belongs to somebody else, is relative or not there is passed over", async () => {
  await using directory = await temporaryDirectory();
  expect(usualSocketDirectory({ XDG_RUNTIME_DIR: directory.path }, uid + 1)).toBe(`/tmp/acomm-${uid + 1}`);
  expect(usualSocketDirectory({ XDG_RUNTIME_DIR: "run" }, 1000)).toBe("/tmp/acomm-1000");
  expect(usualSocketDirectory({ XDG_RUNTIME_DIR: join(directory.path, "missing") }, 1000)).toBe("/tmp/acomm-1000");
});

test("S3 what somebody else has made in the usual place is refused", async () => {
  await using directory = await temporaryDirectory();
  expect(() => checkUsualDirectory(directory.path, uid)).not.toThrow();
  expect(() => checkUsualDirectory(join(directory.path, "missing"), uid)).not.toThrow();
  expect(() => checkUsualDirectory(directory.path, uid + 1)).toThrow(`belongs to uid ${uid}, this process runs as ${uid + 1}: choose another with --socket-dir`);
});
