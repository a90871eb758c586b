import { parseUrl } from "@acomm/protocol";
import { describe, expect, test } from "vitest";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, errorOf, insideHosts, temporaryDirectory, thrownBy } from "@acomm/testing";
import { admitTargets, checkTarget } from "./target-policy.ts";
import type { AdmittedTargets } from "./target-policy.ts";

/** Whether a URL, as it comes in a message, is admitted; one that is no URL is not. */
async function admits(url: string, targets?: AdmittedTargets): Promise<boolean> {
  const policy = admitTargets(targets);
  return (await codeOf((async () => checkTarget(policy, parseUrl(url), "stream"))())) === "fulfilled";
}

describe("S6 by default", () => {
  test("unix sockets are admitted, nothing else is", async () => {
    expect(await admits("unix:///run/a.sock")).toBe(true);
    for (const url of ["http://example.com/", "https://example.com/", "memory://a", "nats://a/b", "file:///etc/passwd"]) expect([url, await admits(url)]).toEqual([url, false]);
    for (const host of insideHosts) expect([host, await admits(`http://${host}:8080/`)]).toEqual([host, false]);
  });
});

describe("origins", () => {
  test("S6 that are listed do not admit loopback in any spelling", async () => {
    for (const host of insideHosts) expect([host, await admits(`http://${host}:8080/`, { origins: ["https://example.com", "http://example.com:8080"] })]).toEqual([host, false]);
  });

  test("are compared after normalisation: another spelling of the same address is the same, all else is not", async () => {
    const origins = ["http://127.0.0.1:8080", "https://Example.com/path?query"];
    for (const url of ["http://127.0.0.1:8080/a", "http://127.1:8080/", "http://0x7f000001:8080/", "https://example.com/", "https://EXAMPLE.com:443/b", "https://exa%6dple.com/", "https://ｅxample.com/"]) expect([url, await admits(url, { origins })]).toEqual([url, true]);
    for (const url of ["http://127.0.0.1:8081/", "https://127.0.0.1:8080/", "http://localhost:8080/", "http://[::ffff:7f00:1]:8080/", "http://example.com/", "https://example.com.evil.test/", "https://sub.example.com/", "https://example.com./", "https://example.com:444/", "https://example.co/", "https://examplexcom/"]) {
      expect([url, await admits(url, { origins })]).toEqual([url, false]);
    }
  });

  test("S6 of international names are the same in either spelling, and other letters that look alike are not", async () => {
    const origins = ["https://bücher.example"];
    for (const url of ["https://bücher.example/", "https://BÜCHER.example/", "https://xn--bcher-kva.example/"]) expect([url, await admits(url, { origins })]).toEqual([url, true]);
    for (const url of ["https://bucher.example/", "https://bücher.ехample/", "https://bücher.example.evil.test/"]) expect([url, await admits(url, { origins })]).toEqual([url, false]);
  });

  test("S6 are not reached by what other programs read otherwise: credentials, backslashes, white space", async () => {
    const origins = ["https://example.com"];
    for (const url of ["https://example.com@127.0.0.1/", "https://127.0.0.1\\@example.com/", "https://example.com\\@127.0.0.1/", "https://example.com\t/", "https://example.com#@127.0.0.1/", "https:\\\\example.com/", "https:example.com/", "https:/example.com/"]) {
      expect([url, await admits(url, { origins })]).toEqual([url, false]);
    }
  });

  test("of other schemes are refused: all of them would be the same", () => {
    expect(thrownBy(() => admitTargets({ origins: ["ftp://user:marker@host/"] })).message).toBe("origins: a URL of ftp: is not an origin of http or https: name other schemes in schemes"); // S14
    for (const origin of ["memory://a", "unix:///run/a.sock", "ws://example.com", "blob:http://example.com/", "nonsense", "data:,x"]) expect(thrownBy(() => admitTargets({ origins: [origin] })).message).toMatch("is not an origin of http or https");
  });
});

test("directories admit the sockets in them at any depth, and none beside them, however the path is written", async () => {
  for (const socketDirectories of [["/run/acomm"], ["/run/acomm/"], ["/run/other/../acomm"]]) {
    for (const path of ["/run/acomm/a.sock", "/run/acomm/deep/er/a.sock", "/run/acomm/a%20b.sock"]) expect([path, await admits(`unix://${path}`, { socketDirectories })]).toEqual([path, true]);
    for (const path of ["/run/acomm.sock", "/run/acommx/a.sock", "/run/a.sock", "/run/acomm/../a.sock", "/run/acomm/%2e%2e/a.sock", "/run/acomm/..%2fa.sock", "/run/acomm/..%2F..%2Ftmp%2Fa.sock"]) {
      expect([path, await admits(`unix://${path}`, { socketDirectories })]).toEqual([path, false]);
    }
  }
  expect(await admits("unix:///run/a.sock", { socketDirectories: [] })).toBe(false);
});

test("S6 a link in a directory admits what it leads to only where that is admitted, be it there or not", async () => {
  await using directory = await temporaryDirectory();
  const [inside, outside, linked] = [join(directory.path, "inside"), join(directory.path, "outside"), join(directory.path, "linked")];
  await mkdir(inside);
  await mkdir(outside);
  await writeFile(join(inside, "real.sock"), "");
  await writeFile(join(outside, "real.sock"), "");
  await symlink(inside, linked);
  const links = { "to-inside.sock": "real.sock", "to-outside.sock": "../outside/real.sock", "to-outside": "../outside", "to-nothing.sock": "../outside/nothing.sock", "loop.sock": "loop.sock" };
  for (const [name, target] of Object.entries(links)) await symlink(target, join(inside, name));
  const verdict = (path: string, socketDirectories: string[]): Promise<boolean> => admits(`unix://${path}`, { socketDirectories });
  for (const admitted of [inside, linked]) {
    for (const name of ["real.sock", "to-inside.sock", "not-there.sock", "not/there.sock", "%252e%252e/a.sock"]) expect([name, await verdict(join(admitted, name), [admitted])]).toEqual([name, true]);
    for (const name of ["to-outside.sock", "to-outside/real.sock", "to-outside/not-there.sock", "to-nothing.sock", "loop.sock"]) expect([name, await verdict(join(admitted, name), [admitted])]).toEqual([name, false]);
    expect(await verdict(join(admitted, "to-outside.sock"), [admitted, outside])).toBe(false); // each directory by itself
  }
  expect(await verdict(join(linked, "real.sock"), [inside])).toBe(false); // as it is written it stands elsewhere
  expect(await verdict(join(inside, "to-outside.sock"), ["/"])).toBe(true);
});

test("a directory that is not absolute is refused: an empty one would be the root", () => {
  for (const path of ["", "run/acomm", ".", undefined]) expect(thrownBy(() => admitTargets({ socketDirectories: [path!] })).message).toMatch("must be an absolute path");
});

test("schemes admit transports of your own", async () => {
  expect(await admits("memory://a", { schemes: ["memory"] })).toBe(true);
  expect(await admits("nats://a", { schemes: ["memory"] })).toBe(false);
});

test("S10 what is not admitted is forbidden_target, without the path; a policy that throws admits nothing", async () => {
  const error = await errorOf(checkTarget(() => false, parseUrl("http://example.com:8080/secret?token=1"), "response"));
  expect([error.code, error.message]).toEqual(["forbidden_target", "the response hook at http://example.com:8080 is not admitted: let the policy (admit) admit it"]);
  const thrown = new Error("broken");
  expect(await errorOf(checkTarget(() => { throw thrown; }, parseUrl("unix:///run/a.sock"), "stream"))).toMatchObject({ code: "forbidden_target", cause: thrown });
  expect(await codeOf(checkTarget(() => Promise.reject(thrown), parseUrl("unix:///run/a.sock"), "stream"))).toBe("forbidden_target");
});
