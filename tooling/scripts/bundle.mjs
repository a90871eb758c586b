// Builds a package, in whose folder it runs, once tsc has written its types into `.cache/types`: for each entry of its `exports` one
// bundle and one `.d.ts`, into `dist`, and a report of its public API, into `.cache/api`. The maps beside the bundles are published by
// the package `sources` alone.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { CompilerState, Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { rolldown } from "rolldown";
import { minify } from "terser";
import { compactDeclarations } from "./declarations.ts";

const folder = process.cwd();
const name = basename(folder);
const types = join(folder, ".cache", "types");
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
/** What an entry is called in `dist`, and its source. */
const entries = Object.values(manifest.exports).flatMap((target) => (typeof target === "string" ? [] : [[basename(target.default, ".js"), target["@acomm/source"]]]));

for (const path of ["dist", ".cache/api"]) rmSync(join(folder, path), { recursive: true, force: true });
declare();
await bundle();

/** The JavaScript. Packages stay outside of one another's bundles: an `AcommError` is the same class for all of them. */
async function bundle() {
  const build = await rolldown({
    input: Object.fromEntries(entries),
    external: /^(?:node:|[^./])/,
    platform: "node",
    tsconfig: false,
    optimization: { inlineConst: false }, // what is used twice would stand there twice
    onLog(level, log) {
      if (level !== "info" && level !== "debug") throw new Error(log.message);
    },
  });
  const keepNames = { function: true, class: true };
  const { output } = await build.generate({
    dir: "dist",
    format: "esm",
    comments: false,
    chunkFileNames: "[name].js",
    minify: { compress: { keepNames }, mangle: { toplevel: true, keepNames }, codegen: { removeWhitespace: true } },
    sourcemap: true,
    sourcemapExcludeSources: true,
    sourcemapPathTransform: (path) => `./${relative(folder, join(folder, "dist", path))}`,
  });
  await build.close();
  mkdirSync(join(folder, "dist"), { recursive: true });
  for (const file of output) if (file.type === "chunk") await writeSmall(file);
}

/**
 * The same through terser, which finds what rolldown's own minifier doesn't, as often as it finds more. What `error.name` and most of a
 * stack trace show is kept: the names of classes and properties, and of the functions that are public.
 */
async function writeSmall({ fileName, code, map }) {
  const hasMap = map !== null && manifest.name.startsWith("@acomm/"); // neither where there are only names of others
  const reserved = publicNames();
  let small = { code, map: map?.toString() };
  for (let before = Infinity; small.code.length < before; ) {
    before = small.code.length;
    small = await minify(small.code, {
      module: true,
      ecma: 2020,
      compress: { passes: 3, keep_classnames: true, hoist_funs: true, unsafe_arrows: true }, // nothing here is made by `new` of a function
      mangle: { keep_classnames: true, reserved },
      format: { comments: false },
      sourceMap: hasMap && { content: JSON.parse(small.map), filename: fileName },
    });
  }
  // from `node_modules/@acomm/<name>/dist` to `node_modules/@acomm/sources/<name>`; the folder `packages` has the same shape
  writeFileSync(join(folder, "dist", fileName), hasMap ? `${small.code}\n//# sourceMappingURL=../../sources/${name}/${fileName}.map\n` : small.code);
  if (hasMap) writeFileSync(join(folder, "dist", `${fileName}.map`), small.map);
}

/** The types that aren't `@internal`, with their comments, and the report of them. */
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
        apiReport: { enabled: true, reportFolder: join(folder, ".cache", "api"), reportTempFolder: join(folder, ".cache", "api", "temp"), reportFileName: reportName(entry), reportVariants: ["public"] },
        docModel: { enabled: false },
        dtsRollup: { enabled: true, untrimmedFilePath: "", publicTrimmedFilePath: join(folder, "dist", `${entry}.d.ts`), omitTrimmingComments: true },
        tsdocMetadata: { enabled: false },
        messages: {
          extractorMessageReporting: { "ae-missing-release-tag": { logLevel: "none" }, "ae-undocumented": { logLevel: "none" }, "ae-forgotten-export": { logLevel: "none" }, "ae-internal-missing-underscore": { logLevel: "none" } },
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
    for (const { fileName } of config.reportConfigs) renameSync(join(config.reportFolder, fileName), join(config.reportFolder, fileName.replace(/\.public(?=\.api\.md$)/, "")));
    const file = config.publicTrimmedFilePath;
    writeFileSync(file, compactDeclarations(readFileSync(file, "utf8")));
  }
}

function publicNames() {
  return entries.flatMap(([entry]) => [...readFileSync(join(folder, "dist", `${entry}.d.ts`), "utf8").matchAll(/^export (?:const|class|function) (\w+)/gm)].map(([, exported]) => exported));
}

/** `protocol.api.md` of the main entry, `acomm.nats.api.md` of another one. */
function reportName(entry) {
  return entry === "index" ? `${name}.api.md` : `${name}.${entry}.api.md`;
}
