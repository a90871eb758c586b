import { join } from "node:path";
import { build } from "vite";
import { createContext, runInContext } from "node:vm";
import type { Project } from "./project.ts";

const program = `
import { decodeRequest, encodeFrame, encodeRequest, createRequest, FrameDecoder } from "@acomm/protocol";
for (const payload of new FrameDecoder().push(encodeFrame(encodeRequest(createRequest({ task: "hello" }))))) globalThis.answer = decodeRequest(payload).task;
`;

/** Bundles `@acomm/protocol` for a browser, and runs the bundle where there is nothing of Node. @throws {Error} where that can't be done */
export async function bundleForBrowser(project: Project): Promise<number> {
  await project.write("browser.js", program);
  const built = await build({
    root: project.directory,
    configFile: false,
    logLevel: "silent",
    build: { write: false, minify: true, rolldownOptions: { input: join(project.directory, "browser.js"), output: { format: "iife" } } },
  });
  const [code = ""] = (Array.isArray(built) ? built : [built]).flatMap((one) => ("output" in one ? one.output : [])).flatMap((file) => (file.type === "chunk" ? [file.code] : []));
  if (/\bnode:|__vite-browser-external|\bprocess\b|\bBuffer\b|\brequire\b/.test(code)) throw new Error("@acomm/protocol asks for something of Node when it is bundled for a browser");
  // what a browser has of what protocol may use
  const page: Record<string, unknown> = { TextEncoder, TextDecoder, URL, crypto: globalThis.crypto };
  runInContext(code, createContext(page));
  if (page["answer"] !== "hello") throw new Error(`@acomm/protocol, bundled for a browser, gave ${String(page["answer"])}`);
  return Buffer.byteLength(code);
}
