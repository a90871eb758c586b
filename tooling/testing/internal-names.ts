import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Which of the names that a package's `index.ts` lists are for its neighbours alone: their declarations say `@internal`. */
export async function internalNames(sourceDirectory: string): Promise<ReadonlySet<string>> {
  const index = await readFile(join(sourceDirectory, "index.ts"), "utf8");
  const found = new Set<string>();
  for (const [, list = "", file = ""] of index.matchAll(/^export (?:type )?\{([^}]*)\} from "(\.[^"]*)";$/gm)) {
    const text = await readFile(join(sourceDirectory, file), "utf8");
    for (const name of list.split(",").map((one) => one.trim())) {
      const declaration = new RegExp(`\\/\\*\\*((?:(?!\\*\\/)[^])*)\\*\\/\\nexport (?:async )?(?:class|const|function|interface|type) ${name}\\b`);
      if (declaration.exec(text)?.[1]?.includes("@internal") === true) found.add(name);
    }
  }
  return found;
}
