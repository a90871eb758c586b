// What an editor shows of the names that everybody uses: their types must be read, not deciphered.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compactDeclarations } from "../tooling/scripts/declarations.ts";

const root = join(import.meta.dirname, "..");
// the last TypeScript with a language service to ask, which lint brings along
const ts = createRequire(join(root, "tooling", "eslint-config", "index.js"))("typescript") as LanguageServices;

/** What is used of TypeScript's own types, which the compiler of this repository doesn't bring along. */
interface LanguageServices {
  readonly sys: Readonly<Record<"fileExists" | "readDirectory" | "directoryExists" | "getDirectories" | "realpath", (path: string) => unknown>>;
  readonly ScriptSnapshot: { readonly fromString: (text: string) => unknown };
  readonly getDefaultLibFilePath: (options: unknown) => string;
  readonly displayPartsToString: (parts: unknown) => string;
  readonly convertCompilerOptionsFromJson: (options: unknown, folder: string) => { readonly options: unknown };
  readonly createLanguageService: (host: unknown) => {
    readonly getQuickInfoAtPosition: (file: string, at: number) => { readonly displayParts: unknown; readonly documentation: unknown; readonly tags?: readonly { readonly name: string; readonly text: unknown }[] } | undefined;
    readonly getSemanticDiagnostics: (file: string) => readonly { readonly messageText: unknown }[];
  };
}

const file = join(root, "packages", "acomm", "src", "shown.ts"); // is in memory alone
const source = `
import { Coordinator, createClient, createRequest, MultiRequest, Provider, serve, Tracker, UnixListener } from "./index.ts";
import { z } from "zod";

const socketDir = "/run/acomm";
const listener = new UnixListener("/run/acomm/echo.sock");
const service = serve(listener, (request, { signal }) => signal.aborted ? null : request.args);
const provider = new Provider({ socketDir, name: "disks" })
  .task("disk-info", { args: z.object({ all: z.boolean().default(false) }), result: z.array(z.string()) }, ({ args }) => (args.all ? ["sda"] : []))
  .task("disk-wipe", { args: z.object({ name: z.string() }) }, (context) => ({ wiped: context.args.name }));
const coordinator = new Coordinator({ socketDir });
const tracker = new Tracker();
const client = createClient<typeof provider>(tracker, { socketDir });
const disks = await client.request("disk-info", { all: true });
const wiped = await client.call("disk-wipe", { name: "sda" });
const anything = await tracker.request(coordinator.url, { task: "disk-info" });
const typed = await tracker.request<string[]>(coordinator.url, { task: "disk-info" });
const request = createRequest({ task: "disk-info", args: { all: true } });
const responses = await new MultiRequest(tracker).responses();
`;

const { options } = ts.convertCompilerOptionsFromJson(
  { target: "es2024", lib: ["es2024", "esnext.disposable"], module: "nodenext", strict: true, exactOptionalPropertyTypes: true, skipLibCheck: true, customConditions: ["@acomm/source"], allowImportingTsExtensions: true, noEmit: true, types: ["node"] },
  root,
);
/** A file of declarations with comments, and the same as it is published. */
const declared = join(root, "packages", "transport", "src", "transport.ts");
const published = join(root, "packages", "transport", "src", "published.ts"); // is in memory alone
const inMemory = new Map([[file, source], [published, compactDeclarations(readFileSync(declared, "utf8"))]]);
const service = ts.createLanguageService({
  ...ts.sys,
  useCaseSensitiveFileNames: () => true,
  getScriptFileNames: () => [...inMemory.keys(), declared],
  getScriptVersion: () => "1",
  getScriptSnapshot: (path: string) => (inMemory.has(path) || existsSync(path) ? ts.ScriptSnapshot.fromString(inMemory.get(path) ?? readFileSync(path, "utf8")) : undefined),
  getCurrentDirectory: () => root,
  getCompilationSettings: () => options,
  getDefaultLibFileName: ts.getDefaultLibFilePath,
  fileExists: (path: string) => inMemory.has(path) || existsSync(path),
  readFile: (path: string) => inMemory.get(path) ?? readFileSync(path, "utf8"),
});

/** What the editor shows for the name that `text` begins or ends with. */
function shown(text: string): { readonly type: string; readonly text: string } {
  const start = source.indexOf(text);
  const info = service.getQuickInfoAtPosition(file, text.includes(".") ? start + text.lastIndexOf(".") + 1 : start);
  return { type: ts.displayPartsToString(info?.displayParts).replace(/\nimport \w+$/, "").replaceAll(/\s+/g, " "), text: ts.displayPartsToString(info?.documentation) };
}

test("the types of what everybody uses are shown by their names", { timeout: 60_000 }, () => {
  expect(service.getSemanticDiagnostics(file).map(({ messageText }) => messageText)).toEqual([]);
  const tasks = '{ readonly "disk-info": TaskSignature<{ all?: boolean | undefined; }, string[]>; readonly "disk-wipe": TaskSignature<{ name: string; }, { wiped: string; }>; }';
  for (const [text, type] of [
    ["UnixListener(\"", "(alias) new UnixListener(socketPath: string, options?: UnixListenerOptions): UnixListener"],
    ["service =", "const service: Service"],
    ["signal }", "(parameter) signal: AbortSignal"],
    ["provider =", `const provider: Provider<${tasks}>`],
    ["args })", "(parameter) args: { all: boolean; }"],
    ["context)", "(parameter) context: TaskContext<{ name: string; }>"],
    ["Coordinator({", "(alias) new Coordinator(options: CoordinatorOptions): Coordinator"],
    ["Tracker()", "(alias) new Tracker(options?: TrackerOptions): Tracker"],
    ["client =", `const client: Client<${tasks}>`],
    ["disks =", "const disks: string[]"],
    ["wiped =", "const wiped: Response<{ wiped: string; }>"],
    ["tracker.request", "(method) Tracker.request<unknown, unknown>(url: string | URL, options: CallOptions<unknown>): Promise<unknown>"],
    ["typed =", "const typed: string[]"],
    ["request =", "const request: Request<{ all: boolean; }>"],
    ["responses =", "const responses: Map<string, Response<unknown>>"],
  ] as const) {
    expect([text, shown(text).type]).toEqual([text, type]);
  }
  expect(shown("client.request").type).toMatch(/request<"disk-info">\(task: "disk-info", args: \{ all\?: boolean \| undefined; \}, options\?: ClientCallOptions \| undefined\): Promise<string\[\]>$/);
});

test("and each says what it is for", { timeout: 60_000 }, () => {
  const names = ['UnixListener("', "serve(listener", "signal }", "Provider({", ".task", "args })", "Coordinator({", "Tracker()", "createClient<", "client.request", "client.call", "tracker.request", "createRequest({", "MultiRequest(tracker", "tracker).responses"];
  expect(names.filter((name) => shown(name).text === "")).toEqual([]);
});

test("what is published shows the same comments and tags", { timeout: 60_000 }, () => {
  const hovers = (path: string): readonly (readonly string[])[] => {
    const text = inMemory.get(path) ?? readFileSync(path, "utf8");
    return [...text.matchAll(/^(?:export (?:interface|type)| +(?:readonly)?) ?(\w+)(?=[?(:]| [={])/gm)].map((match) => {
      const info = service.getQuickInfoAtPosition(path, match.index + match[0].lastIndexOf(match[1]!));
      const said = [ts.displayPartsToString(info?.documentation), ...(info?.tags ?? []).map(({ name, text: of }) => `@${name} ${ts.displayPartsToString(of)}`)];
      return [match[1]!, ...said.map((one) => one.replaceAll(/\s+/g, " ").trim())];
    });
  };
  const shownNow = hovers(published);
  expect(shownNow.length).toBeGreaterThan(60);
  expect(shownNow.filter((one) => one.some((line) => line.startsWith("@default"))).length).toBeGreaterThan(5);
  expect(shownNow).toEqual(hovers(declared));
});
