import { spawnSync } from "node:child_process";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { startSite } from "./call-from-a-browser/site.ts";

const executablePath = "/usr/bin/chromium";
const hasChromium = spawnSync(executablePath, ["--version"]).status === 0;

test.skipIf(!hasChromium)("the page of call-from-a-browser calls, hears progress and reads a stream in a real browser", { timeout: 60_000 }, async () => {
  await using site = await startSite();
  const quiet = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0, args: quiet });
  try {
    const page = await browser.newPage();
    await page.goto(`${site.origin}/?door=${site.door}`);
    await page.waitForFunction("document.title === 'done'");
    const items = await page.locator("li").allTextContents();
    expect(items.slice(0, 3)).toEqual(['progress {"row":1}', 'progress {"row":2}', 'progress {"row":3}']);
    expect(items[3]).toMatch(/^response \{"error":"".*"result":"3 rows"/);
    expect(await page.locator("pre").textContent()).toBe("row 1\nrow 2\n");
  } finally {
    await browser.close();
  }
});
