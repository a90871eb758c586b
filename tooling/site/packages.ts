import { list, read } from "./repository.ts";

/** What somebody may import: a package, or a second entry of one. */
export interface EntryPoint {
  /** As it is imported: `acomm/testing`. */
  readonly name: string;
  readonly packageName: string;
  readonly file: string;
  /** The package's directory; a second entry has none, since the page of the directory is the package's. */
  readonly directory: string | undefined;
  readonly url: string;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** The entries of all published packages, what is imported before who imports it: a name's page is where it is declared. */
export function entryPoints(): EntryPoint[] {
  const packages = new Map(
    list("packages").map((entry) => {
      const directory = `packages/${entry.slice(0, -1)}`;
      const manifest = JSON.parse(read(`${directory}/package.json`)) as Manifest;
      return [manifest.name, { directory, manifest }];
    }),
  );
  const heightOf = (name: string): number => {
    const { dependencies = {} } = packages.get(name)?.manifest ?? {};
    return packages.has(name) ? 1 + Math.max(0, ...Object.keys(dependencies).map(heightOf)) : 0;
  };
  return [...packages.values()]
    .filter(({ manifest }) => manifest.private !== true)
    .sort((one, other) => heightOf(one.manifest.name) - heightOf(other.manifest.name))
    .flatMap(({ directory, manifest }) =>
      Object.entries(manifest.exports ?? {}).flatMap(([path, target]) => {
        if (typeof target === "string" || target["@acomm/source"] === undefined) return [];
        const name = manifest.name + path.slice(1);
        return { name, packageName: manifest.name, file: `${directory}/${target["@acomm/source"].slice(2)}`, directory: path === "." ? directory : undefined, url: `reference/${name.replace("@acomm/", "")}` };
      }),
    );
}
