/** Prints `got hello, streamed world`. */
import { openStream, send, serve, serveUnixStream, UnixListener } from "@acomm/transport";
import { text } from "node:stream/consumers";

const [directory = "."] = process.argv.slice(2);
const listener = new UnixListener(`${directory}/echo.sock`);
await listener.start();
let take: ((args: unknown) => void) | undefined;
const got = new Promise<unknown>((resolve) => { take = resolve; });
const service = serve(listener, ({ args }) => { take?.(args); });

await send(listener.url, { id: "1", task: "greet", args: "hello", responseHook: null, streamUrl: null });
const streamed = await serveUnixStream(["world"], { directory });
console.log(`got ${String(await got)}, streamed ${await text(await openStream(streamed.url))}`);
await service.stop();
