// Builds a package, in whose folder it runs, once tsc has written its types into `.cache/types`: for each entry of its `exports` one
// bundle and one `.d.ts`, into `dist`, and a report of its public API, into `.cache/api`. The maps beside the bundles are published by
// the package `sources` alone.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { CompilerState, Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { rolldown } from "rolldown";
import { compactDeclarations } from "./declarations.mjs";

const folder = process.cwd();
const name = basename(folder);
const types = join(folder, ".cache", "types");
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
/** What an entry is called in `dist`, and its source. */
const entries = Object.values(manifest.exports).flatMap((target) => (typeof target === "string" ? [] : [[basename(target.default, ".js"), target["@acomm/source"]]]));

for (const path of ["dist", ".cache/api"]) rmSync(join(folder, path), { recursive: true, force: true });
await bundle();
declare();

/** The JavaScript. Packages stay outside of one another's bundles: an `AcommError` is the same class for all of them. */
async function bundle() {
  const build = await rolldown({
    input: Object.fromEntries(entries),
    external: /^(?:node:|[^./])/,
    platform: "node",
    tsconfig: false,
    onLog(level, log) {
      if (level !== "info" && level !== "debug") throw new Error(log.message);
    },
  });
  // names of classes, functions and properties are what stack traces show, and what `error.name` and `constructor.name` say
  const keepNames = { function: true, class: true };
  await build.write({
    dir: "dist",
    format: "esm",
    comments: false,
    chunkFileNames: "[name].js",
    minify: { compress: { keepNames }, mangle: { toplevel: false, keepNames }, codegen: { removeWhitespace: true } },
    sourcemap: manifest.name.startsWith("@acomm/"), // the one outside has names of others only
    sourcemapExcludeSources: true,
    sourcemapPathTransform: (path) => `./${relative(folder, join(folder, "dist", path))}`,
    plugins: [{
      name: "leads to the sources",
      generateBundle(_options, files) {
        for (const file of Object.values(files)) {
          // from `node_modules/@acomm/<name>/dist` to `node_modules/@acomm/sources/<name>`; the folder `packages` has the same shape
          if (file.type === "chunk") file.code = file.code.replace(/(\/\/# sourceMappingURL=)(.*)/, `$1../../sources/${name}/$2`);
        }
      },
    }],
  });
  await build.close();
}

/** The types, with their comments, and the report of them. */
function declare() {
  const configs = entries.map(([entry, source]) => {
    const input = join(types, relative("src", source).replace(/\.ts$/, ".d.ts"));
    return ExtractorConfig.prepare({
      packageJsonFullPath: join(folder, "package.json"),
      packageJson: manifest,
      configObjectFullPath: undefined,
      configObject: {
        projectFolder: folder,
        mainEntryPointFilePath: input,
        newlineKind: "lf",
        compiler: {
          overrideTsconfig: {
            compilerOptions: { target: "es2024", lib: ["es2024", "esnext.disposable", "dom"], types: ["node"], module: "nodenext", moduleResolution: "nodenext", strict: true, exactOptionalPropertyTypes: true, skipLibCheck: true },
            files: [input],
          },
        },
        apiReport: { enabled: true, reportFolder: join(folder, ".cache", "api"), reportTempFolder: join(folder, ".cache", "api", "temp"), reportFileName: reportName(entry) },
        docModel: { enabled: false },
        dtsRollup: { enabled: true, untrimmedFilePath: join(folder, "dist", `${entry}.d.ts`) },
        tsdocMetadata: { enabled: false },
        messages: {
          extractorMessageReporting: { "ae-missing-release-tag": { logLevel: "none" }, "ae-undocumented": { logLevel: "none" }, "ae-forgotten-export": { logLevel: "none" } },
          tsdocMessageReporting: { default: { logLevel: "none" } },
        },
      },
    });
  });
  mkdirSync(join(folder, ".cache", "api"), { recursive: true });
  const [first, ...rest] = configs;
  const compilerState = CompilerState.create(first, { additionalEntryPoints: rest.map((config) => config.mainEntryPointFilePath) });
  for (const config of configs) {
    const result = Extractor.invoke(config, { compilerState, localBuild: true, messageCallback: (message) => { message.handled = message.logLevel === "none" || message.logLevel === "info" || message.logLevel === "verbose" || message.messageId === "console-api-report-copied" || message.messageId === "console-api-report-created"; } });
    if (!result.succeeded) process.exit(1);
    const file = config.untrimmedFilePath;
    writeFileSync(file, compactDeclarations(readFileSync(file, "utf8")));
  }
}

/** `protocol.api.md` of the main entry, `acomm.nats.api.md` of another one. */
function reportName(entry) {
  return entry === "index" ? `${name}.api.md` : `${name}.${entry}.api.md`;
}
