import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

export interface SiteServer {
  /** With a slash at its end. */
  readonly url: string;
  close(): void;
}

/** Serves the files of a directory on loopback. @param port 0 for any that is free */
export async function serveSite(directory: string, port: number): Promise<SiteServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost"); // has neither `..` nor, undecoded, a slash that hides one
    const file = createReadStream(join(directory, pathname === "/" ? "/index.html" : pathname));
    file.once("error", () => response.writeHead(404).end());
    file.once("open", () => file.pipe(response.setHeader("content-type", types[extname(pathname)] ?? types[".html"] ?? "")));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
