// Packs every public package and checks the tarball itself: publint, are-the-types-wrong, size.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const out = await mkdtemp(join(tmpdir(), "acomm-pack-"));
let problems = 0;
try {
  await run("pnpm", ["--filter", "./packages/*", "-r", "pack", "--pack-destination", out], { cwd: root });
  for (const file of (await readdir(out)).sort()) {
    const tarball = new Uint8Array(await readFile(join(out, file)));
    const lint = await publint({ pack: { tarball: tarball.slice().buffer }, strict: true });
    for (const message of lint.messages) {
      problems += 1;
      console.error(`${file}: ${formatMessage(message, lint.pkg)}`);
    }
    const types = await checkPackage(createPackageFromTarballData(tarball));
    if (!types.types) {
      problems += 1;
      console.error(`${file}: no types`);
    } else {
      // ESM only: `require` from CommonJS and node10 resolution are out of scope
      for (const p of types.problems) {
        if ("resolutionKind" in p && (p.resolutionKind === "node10" || p.resolutionKind === "node16-cjs")) continue;
        problems += 1;
        console.error(`${file}: ${JSON.stringify(p)}`);
      }
    }
    console.log(`${file.padEnd(32)} ${String(tarball.length).padStart(7)} bytes packed`);
  }
} finally {
  await rm(out, { recursive: true, force: true });
}
process.exitCode = problems > 0 ? 1 : 0;
