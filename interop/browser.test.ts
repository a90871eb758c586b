import { Coordinator } from "@acomm/coordinator";
import { Provider } from "@acomm/provider";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startHttpServer, temporaryDirectory } from "./resources.ts";
import { sequence } from "./stream-digest.ts";

const executablePath = "/usr/bin/chromium";
const hasChromium = spawnSync(executablePath, ["--version"]).status === 0;
const streamBytes = 3_000_000;

/** Serves a page that has nothing of acomm; gives its origin. */
async function startSite(): Promise<string> {
  const script = await readFile(new URL("browser-page.js", import.meta.url));
  return startHttpServer((request, response) => {
    if (request.url === "/page.js") response.setHeader("content-type", "text/javascript").end(script);
    else response.setHeader("content-type", "text/html").end('<!doctype html><title>a page</title><body><script src="/page.js"></script>');
  });
}

/** A coordinator with a door, and a provider behind it. */
async function startServices(allowedOrigins: readonly string[], ran: string[] = []): Promise<string> {
  const socketDir = await temporaryDirectory();
  const provider = new Provider({ socketDir, name: "p" })
    .task("greet", {}, ({ args, request }) => {
      ran.push(request.task);
      return { hello: (args as { readonly name: string }).name };
    })
    .task("steps", {}, ({ progress }) => {
      for (const step of [1, 2, 3]) progress({ step });
      return "done";
    })
    .task("numbers", {}, async ({ stream }) => {
      await stream(() => sequence(streamBytes));
    });
  const coordinator = new Coordinator({ socketDir, http: { allowedOrigins } });
  await provider.start();
  await coordinator.start();
  onTestFinished(async () => {
    await coordinator.stop({ graceMs: 0 });
    await provider.stop({ graceMs: 0 });
  });
  return coordinator.httpUrl?.href ?? "";
}

describe.skipIf(!hasChromium)("a page in a real browser", { timeout: 60_000 }, () => {
  let browser: Browser;

  beforeAll(async () => {
    const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
    browser = await chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0, args: quiet });
  }, 60_000);
  afterAll(() => browser.close());

  async function open(site: string): Promise<Page> {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(site);
    return page;
  }
  const ask = (page: Page, verb: string, door: string, request: object): Promise<unknown> => page.evaluate(`page.${verb}(${JSON.stringify(door)}, ${JSON.stringify(request)})`);

  test("of an origin that is let in calls a task", async () => {
    const site = await startSite();
    const page = await open(site);
    expect(await ask(page, "call", await startServices([site]), { task: "greet", args: { name: "page" } })).toMatchObject({ status: 200, body: { error: "", id: "a", result: { hello: "page" } } });
  });

  test("shows the progress of a task, and then its response", async () => {
    const site = await startSite();
    const page = await open(site);
    await ask(page, "show", await startServices([site]), { task: "steps" });
    const [first, second, third, last] = await page.locator("li").allTextContents();
    expect([first, second, third]).toEqual(['progress {"step":1}', 'progress {"step":2}', 'progress {"step":3}']);
    expect(last).toMatch(/^response \{"error":"","id":"a","result":"done"/);
  });

  test("downloads the stream of an answer, whole", async () => {
    const site = await startSite();
    const page = await open(site);
    let sum = 0;
    for (const piece of sequence(streamBytes)) for (const byte of piece) sum = (sum * 31 + byte) >>> 0;
    expect(await ask(page, "download", await startServices([site]), { task: "numbers" })).toEqual({ bytes: streamBytes, sum });
  });

  test("S15 of an origin that is not let in gets nothing, and nothing runs", async () => {
    const ran: string[] = [];
    const page = await open(await startSite());
    await expect(ask(page, "call", await startServices([], ran), { task: "greet" })).rejects.toThrow("Failed to fetch");
    expect(ran).toEqual([]);
  });
});
