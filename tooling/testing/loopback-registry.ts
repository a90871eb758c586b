import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { packDirectory } from "./pack-directory.ts";

/** What npm calls a packument: a package with all its versions. */
interface PackageDocument {
  readonly name: string;
  readonly "dist-tags": Record<string, string>;
  readonly versions: Record<string, Manifest>;
  readonly time: Record<string, string>;
}

interface Manifest {
  readonly version: string;
  readonly dist?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** What `npm publish` sends. */
interface Publication {
  readonly "dist-tags": Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, Manifest>>;
  readonly _attachments: Readonly<Record<string, { readonly data: string }>>;
}

/** A registry on the loopback, until it is closed. */
export interface LoopbackRegistry {
  /** Its address, with a slash at the end. */
  readonly url: string;
  /** The versions of a package that were published here, in their order. */
  versionsOf(name: string): readonly string[];
  close(): Promise<void>;
}

/**
 * Starts a registry that knows enough of the protocol for `pnpm publish` and `npm install`.
 *
 * Every package that is not published here comes out of `root`'s own `node_modules`: what the lockfile has installed,
 * in the versions of the lockfile, and no network.
 */
export async function startLoopbackRegistry(root: string): Promise<LoopbackRegistry> {
  const packages = new Map<string, PackageDocument>();
  const tarballs = new Map<string, Uint8Array>();
  let origin = "";

  const put = (name: string, version: string, manifest: Manifest, tarball: Uint8Array): PackageDocument => {
    const path = `${name}/-/${basename(name)}-${version}.tgz`;
    const known = packages.get(name) ?? { name, "dist-tags": {}, versions: {}, time: {} };
    tarballs.set(path, tarball);
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    known.versions[version] = { ...manifest, dist: { ...manifest.dist, integrity, tarball: `${origin}/${path}` } };
    known.time[version] = new Date().toISOString();
    packages.set(name, known);
    return known;
  };

  const publish = (name: string, { versions, _attachments, "dist-tags": tags }: Publication): string | undefined => {
    for (const [version, manifest] of Object.entries(versions)) {
      if (packages.get(name)?.versions[version] !== undefined) return `${name}@${version} is already published`;
      const [tarball] = Object.values(_attachments);
      if (tarball === undefined) return `${name}@${version} has no tarball`;
      Object.assign(put(name, version, manifest, Buffer.from(tarball.data, "base64"))["dist-tags"], tags);
    }
    return undefined;
  };

  const borrowed = new Map<string, Promise<void>>();
  const borrow = async (name: string): Promise<void> => {
    const store = join(root, "node_modules", ".pnpm");
    const prefix = `${name.replace("/", "+")}@`;
    for (const entry of (await readdir(store)).filter((one) => one.startsWith(prefix))) {
      const directory = join(store, entry, "node_modules", name);
      if (!existsSync(directory)) continue;
      const manifest = JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as Manifest;
      const { version } = manifest;
      if (packages.get(name)?.versions[version] !== undefined) continue; // once for each set of its peers
      const document = put(name, version, manifest, await packDirectory(directory));
      document["dist-tags"]["latest"] = Object.keys(document.versions).sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1) ?? version;
    }
  };
  const find = async (name: string): Promise<PackageDocument | undefined> => {
    if (!packages.has(name) || borrowed.has(name)) {
      if (!borrowed.has(name)) borrowed.set(name, borrow(name));
      await borrowed.get(name);
    }
    return packages.get(name);
  };

  const answer = async (request: IncomingMessage): Promise<readonly [status: number, body: unknown]> => {
    const path = decodeURIComponent(new URL(request.url ?? "/", origin).pathname).slice(1);
    if (request.method === "PUT") {
      const problem = publish(path, JSON.parse((await buffer(request)).toString()) as Publication);
      return problem === undefined ? [201, { ok: true }] : [409, { error: problem }];
    }
    if (path === "-/ping") return [200, {}];
    const tarball = tarballs.get(path);
    if (tarball !== undefined) return [200, tarball];
    const document = await find(path);
    if (document !== undefined) return [200, document];
    const slash = path.lastIndexOf("/");
    const parent = slash > 0 ? await find(path.slice(0, slash)) : undefined;
    const version = path.slice(slash + 1);
    const manifest = parent?.versions[parent["dist-tags"][version] ?? version];
    if (manifest !== undefined) return [200, manifest];
    return [404, { error: `${path} is neither published here nor in ${join(root, "node_modules")}` }];
  };

  const server = createServer((request, response) => {
    answer(request).catch((error: unknown) => [500, { error: String(error) }] as const).then(([status, body]) => {
      const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
      response.writeHead(status, { "content-type": body === bytes ? "application/octet-stream" : "application/json", "content-length": bytes.length });
      response.end(bytes);
    }, () => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url: `${origin}/`,
    versionsOf: (name) => Object.keys(packages.get(name)?.versions ?? {}),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
