import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { sizeLine } from "../tooling/scripts/size-line.ts";

const root = join(import.meta.dirname, "..");

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | object>>;
}

interface Budget {
  readonly growthPercent: number;
  readonly core: { readonly packages: readonly string[]; readonly maxUnpackedBytes: number };
  readonly packages: Readonly<Record<string, { readonly unpackedBytes: number; readonly packedBytes: number; readonly gzipBytes: number }>>;
}

const read = (path: string): Promise<string> => readFile(join(root, path), "utf8");
const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000)} kB`;
const budget = JSON.parse(await read("size-budget.json")) as Budget;
const packages = await Promise.all((await readdir(join(root, "packages"))).map(async (folder) => [folder, JSON.parse(await read(`packages/${folder}/package.json`)) as Manifest] as const));

describe.each(packages)("the package %s", (folder, { name, exports }) => {
  const entries = Object.entries(exports).filter(([, target]) => typeof target === "object").map(([path]) => path.replace(".", name));

  test("has a budget, and its README says it with the entries", async () => {
    const sizes = budget.packages[name];
    expect(sizes).toBeDefined();
    expect(await read(`packages/${folder}/README.md`)).toContain(`\n${sizeLine({ name, exports }, sizes!)}\n`);
  });

  test.runIf(entries.length > 0)("has a report of its public API for each entry", async () => {
    const reports = entries.map((entry) => `${entry.slice(name.length).replace("/", `${folder}.`) || folder}.api.md`);
    expect((await readdir(join(root, "packages", folder, "etc"))).sort()).toEqual(reports.sort());
  });
});

test("what has a budget is published", () => {
  expect(Object.keys(budget.packages).sort()).toEqual(packages.map(([, { name }]) => name).sort());
});

test("decision 14 has the sizes of the budget", async () => {
  const page = await read("docs/decisions/0014-what-is-published.md");
  for (const name of budget.core.packages) expect(page).toContain(`| ${name.replace("@acomm/", "")} | ${kilobytes(budget.packages[name]?.unpackedBytes ?? 0)} |`);
});

describe("the check of the public API", () => {
  let changed: string;
  const check = async (): Promise<string> => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(root, "tooling/scripts/api-report.mjs"), "--root", changed]).catch((error: unknown) => error as { stdout: string; stderr: string });
    return stdout + stderr;
  };

  beforeAll(async () => {
    changed = await mkdtemp(join(tmpdir(), "acomm-api-"));
    return () => rm(changed, { recursive: true });
  });

  test("asks for the report, then for a changeset, and a patch is too little", async () => {
    const folder = join(changed, "packages", "multirequest");
    const built = await read("packages/multirequest/etc/multirequest.api.md");
    await cp(join(root, "packages/multirequest/package.json"), join(folder, "package.json"));
    await cp(join(root, "packages/multirequest/etc"), join(folder, "etc"), { recursive: true });
    await cp(join(root, "packages/multirequest/etc"), join(folder, ".cache", "api"), { recursive: true });
    await cp(join(root, ".changeset/config.json"), join(changed, ".changeset", "config.json"));
    await writeFile(join(changed, "api-released.json"), "{}");
    await promisify(execFile)(process.execPath, [join(root, "tooling/scripts/api-report.mjs"), "--root", changed, "--release"]);
    expect(await check()).toBe("1 packages export what their reports say\n");

    await writeFile(join(folder, ".cache", "api", "multirequest.api.md"), built.replace("MultiRequest", "ManyRequests"));
    expect(await check()).toMatch(/multirequest\.api\.md is not what @acomm\/multirequest exports now \(line \d+\)/);

    await writeFile(join(folder, "etc", "multirequest.api.md"), built.replace("MultiRequest", "ManyRequests"));
    expect(await check()).toMatch(/the public API of @acomm\/multirequest is not that of the last release, and no changeset says so/);

    const changeset = join(changed, ".changeset", "more.md");
    await writeFile(changeset, '---\n"@acomm/multirequest": patch\n---\n\nA name.\n');
    expect(await check()).toContain("only a patch is announced");
    await writeFile(changeset, '---\n"@acomm/multirequest": minor\n---\n\nA name.\n');
    expect(await check()).toBe("1 packages export what their reports say\n");
  });
});
