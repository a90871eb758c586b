import { Coordinator, Provider } from "acomm";
import type { CoordinatorHttpOptions } from "acomm";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

export interface Site extends AsyncDisposable {
  /** Where the page is. */
  readonly origin: string;
  /** Where its calls go, which is another origin. */
  readonly door: string;
}

export async function startSite(): Promise<Site> {
  const pages = createServer((request, response) => {
    const isScript = request.url === "/calls.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    void readFile(join(import.meta.dirname, isScript ? "calls.js" : "page.html")).then((text) => response.end(text));
  });
  await once(pages.listen(0, "127.0.0.1"), "listening");
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  const socketDir = await mkdtemp(join(tmpdir(), "acomm-"));

  const provider = new Provider({ socketDir, name: "reports" }).task(
    "report",
    { args: z.object({ rows: z.int().max(1000) }) },
    async ({ args, progress, stream }) => {
      for (let row = 1; row <= args.rows; row += 1) progress({ row });
      await stream(Array.from({ length: args.rows }, (_, row) => `row ${row + 1}\n`));
      return `${args.rows} rows`;
    },
  );
  await provider.start();

  // #region door
  const http: CoordinatorHttpOptions = { port: 0, allowedOrigins: [origin] };
  const coordinator = new Coordinator({ socketDir, http });
  await coordinator.start();
  // #endregion

  return {
    origin,
    door: String(coordinator.httpUrl),
    async [Symbol.asyncDispose]() {
      await coordinator.stop();
      await provider.stop({ graceMs: 100 }); // streams that nobody has read are given up
      pages.closeAllConnections();
      pages.close();
      await rm(socketDir, { recursive: true });
    },
  };
}
