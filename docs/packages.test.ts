import { readdir, readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const packages = join(import.meta.dirname, "..", "packages");

interface Manifest {
  readonly name: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
  readonly [key: string]: unknown;
}

const manifests = await Promise.all((await readdir(packages)).map(async (name) => [name, JSON.parse(await readFile(join(packages, name, "package.json"), "utf8")) as Manifest] as const));
/** Those that promise to need nothing but Node. */
const self = ["protocol", "transport", "tracker", "multirequest"];

/** What a README says of what its package needs. */
function needsLine({ engines, dependencies = {} }: Manifest): string {
  const others = Object.keys(dependencies).filter((dependency) => !dependency.startsWith("@acomm/"));
  const needs = others.length > 0 ? `depends on ${others.map((other) => `\`${other}\``).join(", ")} beside its neighbours` : Object.keys(dependencies).length > 0 ? "no dependencies but its neighbours" : "no dependencies";
  return `ES modules for Node.js ${/\d.*/.exec(engines.node)![0]} and newer; ${needs}.`;
}

describe.each(manifests)("S23 the package %s", (name, manifest) => {
  test("says in its README what it needs, and how it is installed", async () => {
    const page = await readFile(join(packages, name, "README.md"), "utf8");
    expect(page).toContain(`\n${needsLine(manifest)}\n`);
    expect(page).toMatch(new RegExp(`^npm install (?:--global |--save-dev )?${manifest.name}\\b`, "m"));
  });

  test("runs nothing when it is installed", () => {
    const scripts = Object.keys(manifest.scripts ?? {});
    expect(scripts.filter((script) => /install|^pre|^post|^prepare|^dependencies$/.test(script))).toEqual([]);
    expect(manifest).not.toHaveProperty("gypfile");
  });

  test.runIf(self.includes(name))("depends on nothing but its neighbours and types", async () => {
    const dependencies = Object.keys(manifest.dependencies ?? {});
    expect(dependencies.filter((dependency) => !self.some((neighbour) => dependency === `@acomm/${neighbour}`))).toEqual([]);
    for (const key of ["optionalDependencies", "peerDependencies", "bundledDependencies", "bundleDependencies"]) expect(manifest).not.toHaveProperty(key);

    const source = join(packages, name, "src");
    const files = (await readdir(source, { recursive: true })).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.includes("fixtures/"));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const code = await readFile(join(source, file), "utf8");
      expect([file, /\b(?:require|import)\(|\beval\b|new Function\b/.test(code)]).toEqual([file, false]);
      for (const [statement, from = ""] of code.matchAll(/^(?:import|export)\s[^;]*?from "([^"]+)";$/gm)) {
        const isOurs = from.startsWith(".") || (from.startsWith("node:") && isBuiltin(from)) || dependencies.includes(from);
        expect([file, statement, isOurs]).toEqual([file, statement, true]);
      }
    }
  });
});

test("S23 those that promise to need nothing are there", () => {
  expect(self.filter((name) => !manifests.some(([there]) => there === name))).toEqual([]);
});
