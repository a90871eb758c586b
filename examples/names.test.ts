import { internalNames } from "@acomm/testing";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const files = (await readdir(import.meta.dirname, { recursive: true })).filter((name) => /^[\w-]+\/[\w.-]+$/.test(name) && /\.(?:ts|js|go|html|sh)$/.test(name) && !name.startsWith("node_modules/"));
const sources = await Promise.all(files.map(async (file) => [file, await readFile(join(import.meta.dirname, file), "utf8")] as const));

/** What the examples import, values and types, by the names that it has in the packages. */
const imported = new Set(
  sources.flatMap(([, text]) =>
    [...text.matchAll(/^import (?:type )?\{([^}]*)\} from "(?:acomm|@acomm\/[\w-]+)(?:\/\w+)?";$/gm)].flatMap(([, names = ""]) => names.split(",").map((name) => name.trim().replace(/ as .*/, ""))),
  ),
);

const entries = (await readdir(join(root, "packages"))).map((name) => `packages/${name}/src/index.ts`).filter((entry) => !entry.startsWith("packages/acomm/") && existsSync(join(root, entry)));

describe("every public name is imported by an example, and no internal one:", () => {
  test.each(entries)("%s", async (entry) => {
    const text = await readFile(join(root, entry), "utf8");
    const names = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from/gm)].flatMap(([, list = ""]) => list.split(",").map((name) => name.trim().replace(/.* as /, "")));
    const internal = await internalNames(dirname(join(root, entry)));
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !imported.has(name) && !internal.has(name))).toEqual([]);
    expect(names.filter((name) => imported.has(name) && internal.has(name))).toEqual([]);
  });
});

test("every file of the examples has under 80 lines", () => {
  expect(sources.filter(([, text]) => text.trimEnd().split("\n").length >= 80).map(([file]) => file)).toEqual([]);
});
