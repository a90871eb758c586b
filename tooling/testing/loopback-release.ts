import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { startLoopbackRegistry } from "./loopback-registry.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "..", "..");
const madeAnew = new Set(["node_modules", "dist", "coverage", ".git", ".turbo", ".cache"]);

/** All packages of the workspace, as they would be published, in a registry on the loopback. */
export interface LoopbackRelease extends AsyncDisposable {
  /** The registry's address, with a slash at the end. */
  readonly registryUrl: string;
  /** An environment in which npm, pnpm, Bun and Deno install from this registry, with a configuration and a cache of their own. */
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** The copy of the workspace that is released: its versions are raised, and those of the workspace stay. */
  readonly directory: string;
  /** The names of the packages that are published, sorted. */
  readonly packages: readonly string[];
  /**
   * Releases by the commands of the workspace: `release:version`, which takes up the changesets that are there, then
   * `release:publish`.
   *
   * @param changeset one more, a minor one of every package, with this text
   * @returns the version of every package that is now the latest
   * @throws {Error} with the output of the command that failed
   */
  release(changeset?: string): Promise<Readonly<Record<string, string>>>;
  /** Stops the registry and removes the copy. */
  close(): Promise<void>;
}

/**
 * Copies the workspace's files, committed or not, to a temporary directory, installs there what its lockfile says out of
 * pnpm's store, and starts a registry. Needs git and pnpm in PATH: start it through `pnpm run`. Nothing is published before `release`.
 */
export async function startRelease(): Promise<LoopbackRelease> {
  const temporary = await mkdtemp(join(tmpdir(), "acomm-release-"));
  const registry = await startLoopbackRegistry(root);
  const close = async (): Promise<void> => {
    await registry.close();
    await rm(temporary, { recursive: true, force: true });
  };
  try {
    const directory = join(temporary, "workspace");
    const env = await environment(temporary, registry.url);
    await cp(root, directory, { recursive: true, verbatimSymlinks: true, filter: (path) => !madeAnew.has(basename(path)) });
    const command = commandsIn(directory, env);
    await command("pnpm", "install", "--frozen-lockfile", "--offline", "--ignore-scripts", "--filter", ".", "--filter", "./packages/*", "--filter", "./tooling/*");
    // changesets asks git what the packages are, and tags what it has published
    await command("git", "init", "--quiet", "--initial-branch", "main");
    const commit = async (): Promise<void> => {
      await command("git", "add", "--all");
      await command("git", "-c", "user.name=release", "-c", "user.email=", "-c", "commit.gpgSign=false", "commit", "--quiet", "--allow-empty", "--message", "Release");
    };
    await commit();
    const packages = await publicPackages(directory);
    return {
      registryUrl: registry.url,
      env,
      directory,
      packages,
      release: async (changeset) => {
        if (changeset !== undefined) {
          const bumps = packages.map((name) => `${JSON.stringify(name)}: minor\n`).join("");
          await writeFile(join(directory, ".changeset", "release.md"), `---\n${bumps}---\n\n${changeset}\n`);
          await commit();
        }
        await command("pnpm", "run", "release:version");
        await commit();
        await command("pnpm", "run", "release:publish");
        return Object.fromEntries(packages.map((name) => [name, registry.versionsOf(name).at(-1) ?? ""]));
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function environment(temporary: string, registryUrl: string): Promise<NodeJS.ProcessEnv> {
  const userconfig = join(temporary, "npmrc");
  await writeFile(userconfig, `registry=${registryUrl}\n//${new URL(registryUrl).host}/:_authToken=loopback\naudit=false\nfund=false\nupdate-notifier=false\n`);
  // what `pnpm run` and `npm run` say of their own configuration would be stronger than the file
  const inherited = Object.entries(process.env).filter(([name]) => !/^p?npm_(config|package|lifecycle)_/i.test(name));
  return {
    ...Object.fromEntries(inherited),
    CI: "true",
    NO_COLOR: "1",
    TURBO_TELEMETRY_DISABLED: "1",
    TURBO_CACHE_DIR: join(root, ".turbo", "cache"),
    NPM_CONFIG_USERCONFIG: userconfig,
    NPM_CONFIG_CACHE: join(temporary, "npm-cache"),
    PNPM_CONFIG_NPMRC_AUTH_FILE: userconfig,
    npm_config_registry: registryUrl,
    pnpm_config_registry: registryUrl,
  };
}

function commandsIn(directory: string, env: NodeJS.ProcessEnv): (file: string, ...args: readonly string[]) => Promise<void> {
  return async (file, ...args) => {
    try {
      await run(file, args, { cwd: directory, env, maxBuffer: 2 ** 26, shell: process.platform === "win32" });
    } catch (error) {
      const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
      throw new Error(`${[file, ...args].join(" ")} failed:\n${stdout ?? ""}${stderr ?? ""}`, { cause: error });
    }
  };
}

async function publicPackages(directory: string): Promise<readonly string[]> {
  const manifests = (await readdir(join(directory, "packages"))).map(async (name) => JSON.parse(await readFile(join(directory, "packages", name, "package.json"), "utf8")) as { readonly name: string; readonly private?: boolean });
  return (await Promise.all(manifests)).filter((manifest) => manifest.private !== true).map(({ name }) => name).sort();
}
