import { parseUrl } from "@acomm/protocol";
import { codeOf, temporaryDirectory, thrownBy } from "@acomm/testing";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { policyOf, refuseUnlessAdmitted, requireAdmitted } from "./allow-list.ts";

test("a list admits its origins, with all their paths and nothing beside them", async () => {
  const policy = policyOf(["https://app.example", new URL("http://127.0.0.1:8080/")], "admit.hooks");
  for (const [url, isAdmitted] of [
    ["https://app.example/any/path?x=1", true], ["https://APP.example:443/", true], ["http://127.1:8080/", true],
    ["http://app.example/", false], ["https://app.example:8443/", false], ["https://app.example.evil/", false], ["http://127.0.0.1/", false], ["unix:///run/a.sock", false], ["ftp://app.example/", false],
  ] as const) expect([url, await policy(parseUrl(url), "response")]).toEqual([url, isAdmitted]);
});

test("a list admits sockets by their path, and directories of sockets where links don't lead out of them", async () => {
  await using directory = await temporaryDirectory();
  const inside = join(directory.path, "inside");
  await mkdir(inside);
  await symlink(directory.path, join(inside, "out"));
  const policy = policyOf([`unix://${inside}/`, "unix:///run/b/coordinator/main.sock"], "admit.taskUrls");
  for (const [path, isAdmitted] of [[`${inside}/a.sock`, true], [`${inside}/out/a.sock`, false], [`${directory.path}/a.sock`, false], ["/run/b/coordinator/main.sock", true], ["/run/b/coordinator/other.sock", false], ["/run/b/coordinator/main.sock/x", false]] as const) {
    expect([path, await policy(parseUrl(`unix://${path}`), "task")]).toEqual([path, isAdmitted]);
  }
});

test("none admits nothing, and a policy that fails neither", async () => {
  const url = parseUrl("https://app.example/");
  const thrown = (): boolean => { throw new Error("no"); };
  for (const policy of [policyOf(undefined, "x"), policyOf([], "x"), policyOf(thrown, "x"), policyOf(() => false, "x")]) {
    expect(thrownBy(() => { refuseUnlessAdmitted(policy, url, "stream"); })).toMatchObject({ code: "forbidden_target", message: "the stream at https://app.example is not opened: name it in admit.streams of the coordinator" });
    expect(await codeOf(requireAdmitted(policy, url, "stream"))).toBe("forbidden_target");
  }
  const late = policyOf(() => Promise.reject(new Error("no")), "x");
  refuseUnlessAdmitted(late, url, "task"); // it can't be told yet
  expect(await codeOf(requireAdmitted(late, url, "task"))).toBe("forbidden_target");
});

test("what can't be listed is named", () => {
  for (const [entry, message] of [["https://app.example/path", "admit.hooks[1] has a path"], ["nonsense", "admit.hooks[1]"], ["https://u:p@app.example", "admit.hooks[1]"], ["ws://app.example", "origins"]] as const) {
    expect(thrownBy(() => policyOf(["https://good.example", entry], "admit.hooks"))).toMatchObject({ code: "bad_field", message: expect.stringContaining(message) });
  }
});
