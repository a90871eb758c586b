import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** Which modules of Node a program loads that only imports `name`, from its sources. */
async function loadedBy(name: string): Promise<readonly string[]> {
  const program = `import "${name}"; console.log(process.moduleLoadList.join("\\n"));`;
  const args = ["--disable-warning=ExperimentalWarning", "--conditions=@acomm/source", "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: join(import.meta.dirname, "..") });
  return stdout.split("\n").flatMap((line) => (line.startsWith("NativeModule ") ? [line.slice("NativeModule ".length)] : []));
}

test("importing loads nothing that takes long: neither HTTP nor TLS, nor cryptography, nor what speaks to NATS", async () => {
  const loaded = await loadedBy("acomm");
  expect(loaded).toContain("net");
  // the client of NATS would bring tls and crypto along
  for (const slow of ["http", "https", "tls", "crypto", "dns/promises", "zlib", "worker_threads", "child_process"]) expect(loaded).not.toContain(slow);
});

test("importing acomm/nats does load them, so that the list above means something", async () => {
  expect(await loadedBy("acomm/nats")).toEqual(expect.arrayContaining(["tls", "crypto"]));
});
