import { exists, list, read } from "./repository.ts";

/** What somebody may import: a package, or a second entry of one. */
export interface EntryPoint {
  /** As it is imported: `@acomm/transport/testing`. */
  readonly name: string;
  readonly file: string;
  /** The package's directory; a second entry has none, since the page of the directory is the package's. */
  readonly directory: string | undefined;
  readonly url: string;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** The entries of all published packages, the lowest floor first: a name's page is in the package that declares it. */
export function entryPoints(): EntryPoint[] {
  const packages = list("packages").map((name) => {
    const directory = `packages/${name.slice(0, -1)}`;
    const [floor = "9"] = exists(`${directory}/turbo.json`) ? (/(?<=floor-)\d/.exec(read(`${directory}/turbo.json`)) ?? []) : [];
    return { directory, floor, manifest: JSON.parse(read(`${directory}/package.json`)) as Manifest };
  });
  return packages
    .filter(({ manifest }) => manifest.private !== true)
    .sort((one, other) => one.floor.localeCompare(other.floor))
    .flatMap(({ directory, manifest }) =>
      Object.entries(manifest.exports ?? {}).flatMap(([path, target]) => {
        if (typeof target === "string" || target["@acomm/source"] === undefined) return [];
        const name = manifest.name + path.slice(1);
        return { name, file: `${directory}/${target["@acomm/source"].slice(2)}`, directory: path === "." ? directory : undefined, url: `reference/${name.replace("@acomm/", "")}` };
      }),
    );
}
