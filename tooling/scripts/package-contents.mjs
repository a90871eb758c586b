import { isBuiltin } from "node:module";

/** Those that need nothing outside of the family. */
const core = ["@acomm/protocol", "@acomm/transport", "@acomm/tracker", "@acomm/multirequest"];
const runtimeFields = ["dependencies", "peerDependencies", "optionalDependencies"];

/**
 * What a tarball has that it shouldn't, or lacks.
 *
 * @param {Record<string, any>} manifest
 * @param {Map<string, Buffer>} files
 * @returns {string[]}
 */
export function contentsProblems(manifest, files) {
  const found = [];
  for (const path of ["README.md", "LICENSE"]) if (!files.has(path)) found.push(`no ${path}`);
  for (const path of files.keys()) {
    if (/\.test\.|(?:^|\/)fixtures\//.test(path)) found.push(`${path} is there for tests`);
    if (path.endsWith(".map") && manifest.name !== "@acomm/sources") found.push(`${path} belongs into @acomm/sources`);
  }
  if (manifest.license !== "MIT") found.push("license is not MIT");
  if (manifest.sideEffects !== false) found.push("sideEffects is not false");
  if (typeof manifest.engines?.node !== "string") found.push("engines.node is missing");
  if (manifest.repository?.directory === undefined) found.push("repository.directory is missing");
  if (JSON.stringify(manifest.exports).includes("@acomm/source\"")) found.push("exports lead to sources");
  for (const [path, content] of files) {
    if (!/^dist\/.*\.js$/.test(path)) continue;
    const [, url] = /\/\/# sourceMappingURL=(.*)\s*$/.exec(content.toString()) ?? [];
    const own = manifest.name.replace("@acomm/", "");
    if (manifest.name.startsWith("@acomm/") && content.length > 200 && url !== `../../sources/${own}/${path.slice("dist/".length)}.map`) found.push(`${path} doesn't lead to its map in @acomm/sources`);
  }
  return found;
}

/**
 * Where what the JavaScript and the types of a tarball import isn't what its manifest says.
 *
 * @param {Record<string, any>} manifest
 * @param {Map<string, Buffer>} files
 * @returns {string[]}
 */
export function importProblems(manifest, files) {
  const found = [];
  const listed = new Set(runtimeFields.flatMap((field) => Object.keys(manifest[field] ?? {})));
  const used = new Set();
  for (const [path, content] of files) {
    if (!/^(?:dist|bin)\/.*\.(?:js|d\.ts)$/.test(path)) continue;
    for (const specifier of specifiersOf(content.toString())) {
      if (specifier.startsWith(".")) continue;
      if (isBuiltin(specifier)) {
        if (!specifier.startsWith("node:")) found.push(`${path} imports ${specifier} without node:`);
        else if (manifest.name === "@acomm/protocol") found.push(`${path} imports ${specifier}: it runs in browsers too`);
        continue;
      }
      const [first, second] = specifier.split("/");
      const name = first.startsWith("@") ? `${first}/${second}` : first;
      used.add(name);
      if (name !== manifest.name && !listed.has(name)) found.push(`${path} imports ${name}, which is no dependency`);
    }
    if (manifest.name === "@acomm/protocol" && path.endsWith(".js") && /\b(?:process|Buffer|setImmediate|require)\b[.(]/.test(withoutTexts(content.toString()))) found.push(`${path} uses what only Node has`);
  }
  for (const name of listed) if (!used.has(name)) found.push(`${name} is a dependency, which nothing imports`);
  if (core.includes(manifest.name)) for (const name of listed) if (!core.includes(name)) found.push(`${name} is outside of the family`);
  return found;
}

/** The modules that a file names: in `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`, in code and in types. */
function specifiersOf(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const statements = [...code.matchAll(/(?:^|[;}\n])\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/g), ...code.matchAll(/(?:^|[;}\n])\s*import\s*["']([^"']+)["']/g)];
  return [...statements, ...code.matchAll(/\bimport\(\s*["'`]([^"'`]+)["'`]\s*\)/g)].map(([, specifier]) => specifier);
}

function withoutTexts(code) {
  return code.replace(/`(?:[^`\\$]|\\.|\$(?!\{))*`|"(?:[^"\\]|\\.)*"/g, '""');
}
