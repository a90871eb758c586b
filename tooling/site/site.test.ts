import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { checkLinks } from "./check-links.ts";
import { absoluteLinks } from "./links.ts";
import { root } from "./repository.ts";
import { serveSite } from "./site-server.ts";
import type { SiteServer } from "./site-server.ts";

const site = join(root, ".cache", "site");
const executablePath = "/usr/bin/chromium";
const hasChromium = spawnSync(executablePath, ["--version"]).status === 0;

// nothing is built where nothing has changed since the last time
beforeAll(async () => {
  const turbo = join(root, "node_modules", ".bin", "turbo");
  await promisify(execFile)(turbo, ["run", "//#docs:build"], { cwd: root, env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1" } }).catch((error: unknown) => {
    throw new Error((error as { stdout: string }).stdout, { cause: error });
  });
}, 180_000);

test("every link and picture of the built site leads somewhere", { timeout: 60_000 }, () => {
  const { files, checked, broken } = checkLinks(site);
  expect(broken).toEqual([]);
  expect(files).toBeGreaterThan(300);
  expect(checked).toBeGreaterThan(10_000);
});

test("a link to a missing file, place or picture is found, one within a page or to elsewhere is not", () => {
  const directory = mkdtempSync(join(tmpdir(), "site-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, "b"));
  writeFileSync(join(directory, "a.html"), '<p id="x y"><a href="#x%20y"></a><a href="b/c.html#here"></a><a href="b/c.html#gone"></a><a href="https://example.invalid/"></a><img src="d.svg">');
  writeFileSync(join(directory, "b", "c.html"), '<p id="here"><a href="../a.html"></a><a href="../missing.html"></a><script>href="never"</script>');
  expect(checkLinks(directory)).toEqual({
    files: 2,
    checked: 6,
    broken: ["a.html: b/c.html#gone leads to no place in b/c.html", "a.html: d.svg leads to no file", "b/c.html: ../missing.html leads to no file"],
  });
});

describe("a link of a page", () => {
  test("becomes one from the root of the repository, but in code, within the page and to elsewhere", () => {
    const text = "[a](limits.md#streams) [`b`](../README.md) `[c](d)` [e](#f) [g](https://example.invalid/)\n```md\n[h](i)\n```\n";
    expect(absoluteLinks("docs/x.md", text)).toBe("[a](repository:docs/limits.md#streams) [`b`](repository:README.md) `[c](d)` [e](#f) [g](https://example.invalid/)\n```md\n[h](i)\n```\n");
  });

  test("to a test that is named behind it leads to the line of that test", () => {
    expect(absoluteLinks("docs/x.md", '[t](../tooling/site/site.test.ts) "a link to a missing file, place')).toBe('[t](../tooling/site/site.test.ts) "a link to a missing file, place'.replace("../", "repository:"));
    expect(absoluteLinks("docs/x.md", '[t](../tooling/site/site.test.ts) "a link of a page"')).toMatch(/^\[t\]\(repository:tooling\/site\/site\.test\.ts#L\d+\) "a link of a page"$/);
  });
});

describe.skipIf(!hasChromium)("in a real browser the site", { timeout: 60_000 }, () => {
  let browser: Browser;
  let server: SiteServer;

  beforeAll(async () => {
    const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
    server = await serveSite(site, 0);
    browser = await chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0, args: quiet });
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  /** A page that fails the test where it asks for anything elsewhere, or finds an error. */
  async function open(url: string): Promise<Page> {
    const page = await browser.newPage();
    const surprises: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(server.url) && !/^(?:file|data):/.test(request.url())) surprises.push(request.url());
    });
    page.on("requestfailed", (request) => surprises.push(`failed: ${request.url()}`));
    page.on("console", (message) => {
      if (message.type() === "error") surprises.push(message.text());
    });
    page.on("pageerror", (error) => surprises.push(error.message));
    onTestFinished(async () => {
      await page.close();
      expect(surprises).toEqual([]);
    });
    await page.goto(url);
    return page;
  }

  async function searchFor(page: Page, words: string): Promise<void> {
    await page.locator("#tsd-search-trigger").click();
    await page.locator("#tsd-search-input").fill(words);
    await page.locator("#tsd-search-results a").first().waitFor();
  }

  test.each(["index.html", "architecture.html", "performance.html", "protocol.html", "reference/tracker/Tracker.html", "source/packages/tracker/src/tracker.ts.html"])("shows %s and its pictures", async (path) => {
    const page = await open(server.url + path);
    expect(await page.locator("h1").first().textContent()).not.toBe("");
    for (const picture of await page.locator("img").all()) {
      await picture.scrollIntoViewIfNeeded();
      expect(await picture.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)).toBeGreaterThan(0);
      expect(await picture.getAttribute("alt")).not.toBe("");
    }
    expect(await page.locator("img").count()).toBe({ "architecture.html": 1, "performance.html": 1 }[path] ?? 0);
  });

  test.each([
    ["truncated_stream", "The architecture", "architecture.html"],
    ["createClient", "createClient", "reference/provider/createClient.html"],
    ["deadline", "Deadlines and cancellation", "how-to/deadlines-and-cancellation.html"],
  ])("finds %s, and a click leads to %s", async (words, title, target) => {
    const page = await open(`${server.url}index.html`);
    await searchFor(page, words);
    await page.locator("#tsd-search-results a").filter({ hasText: title }).and(page.locator(`[href*="${target}"]`)).first().click();
    await page.waitForURL(`${server.url}${target}*`);
    expect(await page.locator("h1").first().textContent()).toContain(title);
  });

  test("leads from the navigation to a page, and from there to a source", async () => {
    const page = await open(`${server.url}index.html`);
    await page.locator("nav summary", { hasText: "What to know" }).click();
    await page.locator("nav a", { hasText: "Limits" }).click();
    await page.waitForURL(`${server.url}limits.html`);
    await page.locator("a", { hasText: "frame.test.ts" }).first().click();
    await page.waitForURL(/source\/packages\/protocol\/src\/frame\.test\.ts\.html#L\d+$/);
    expect(await page.locator(":target").textContent()).toContain("A8 takes a payload");
  });

  test("works without a server as well: it opens and finds", async () => {
    const page = await open(pathToFileURL(join(site, "index.html")).href);
    await searchFor(page, "truncated_stream");
    expect(await page.locator("#tsd-search-results a").allTextContents()).toContainEqual(expect.stringContaining("The architecture"));
  });

  test("fits a narrow screen", async () => {
    const page = await open(`${server.url}limits.html`);
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
  });
});
