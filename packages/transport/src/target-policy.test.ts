import { parseUrl } from "@acomm/protocol";
import { describe, expect, test } from "vitest";
import { codeOf, errorOf, thrownBy } from "@acomm/testing";
import { admitTargets, checkTarget } from "./target-policy.ts";
import type { AdmittedTargets } from "./target-policy.ts";

/** Whether a URL, as it comes in a message, is admitted; one that is no URL is not. */
async function admits(url: string, targets?: AdmittedTargets): Promise<boolean> {
  const policy = admitTargets(targets);
  return (await codeOf((async () => checkTarget(policy, parseUrl(url), "stream"))())) === "fulfilled";
}

/** Spellings of this machine's loopback and of what stands behind it. */
const loopbacks = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0", "[::1]", "[::]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "localhost.", "LOCALHOST", "①②⑦.⓪.⓪.①", "169.254.169.254"];

describe("S6 by default", () => {
  test("unix sockets are admitted, nothing else is", async () => {
    expect(await admits("unix:///run/a.sock")).toBe(true);
    for (const url of ["http://example.com/", "https://example.com/", "memory://a", "nats://a/b", "file:///etc/passwd"]) expect([url, await admits(url)]).toEqual([url, false]);
    for (const host of loopbacks) expect([host, await admits(`http://${host}:8080/`)]).toEqual([host, false]);
  });
});

describe("origins", () => {
  test("S6 that are listed do not admit loopback in any spelling", async () => {
    for (const host of loopbacks) expect([host, await admits(`http://${host}:8080/`, { origins: ["https://example.com", "http://example.com:8080"] })]).toEqual([host, false]);
  });

  test("are compared after normalisation: another spelling of the same address is the same, all else is not", async () => {
    const origins = ["http://127.0.0.1:8080", "https://Example.com/path?query"];
    for (const url of ["http://127.0.0.1:8080/a", "http://127.1:8080/", "http://0x7f000001:8080/", "https://example.com/", "https://EXAMPLE.com:443/b"]) expect([url, await admits(url, { origins })]).toEqual([url, true]);
    for (const url of ["http://127.0.0.1:8081/", "https://127.0.0.1:8080/", "http://localhost:8080/", "http://[::ffff:7f00:1]:8080/", "http://example.com/", "https://example.com.evil.test/", "https://sub.example.com/"]) {
      expect([url, await admits(url, { origins })]).toEqual([url, false]);
    }
  });

  test("of other schemes are refused: all of them would be the same", () => {
    for (const origin of ["memory://a", "unix:///run/a.sock", "nonsense", "data:,x"]) expect(thrownBy(() => admitTargets({ origins: [origin] })).message).toMatch("is not an origin of http or https");
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
