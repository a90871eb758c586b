// Builds the package `sources`, in whose folder it runs: the maps of each package that it names, and the TypeScript to which they lead.
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

for (const map of globSync("*/*.map")) rmSync(dirname(map), { recursive: true, force: true });
const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
for (const map of Object.keys(devDependencies).flatMap((dependency) => globSync(`../${dependency.slice("@acomm/".length)}/dist/*.js.map`))) {
  const name = map.split(/[/\\]/)[1];
  const copy = (from, to) => {
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, to);
  };
  copy(map, join(name, map.split(/[/\\]/).at(-1)));
  for (const source of JSON.parse(readFileSync(map, "utf8")).sources) {
    const from = join("..", name, source);
    if (!existsSync(from)) throw new Error(`${map} leads to ${source}, which is not in packages/${name}`);
    copy(from, join(name, source));
  }
}
