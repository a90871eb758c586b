import { acceptedOnceText, decodeUtf8, parseUrl } from "@acomm/protocol";
import { createMessageListener } from "../message-listener.ts";
import type { MessageListenerOptions } from "../message-listener.ts";
import type { Listener } from "../transport.ts";
import { cutError } from "../wait.ts";
import { HttpDoor } from "./door.ts";
import type { HttpDoorOptions } from "./door.ts";
import { createTextHandler } from "./message-handler.ts";
import type { HttpHandlerOptions } from "./message-handler.ts";

/** What {@link createHttpListener} takes. */
export interface HttpListenerOptions extends MessageListenerOptions, Omit<HttpDoorOptions, "routes">, Pick<HttpHandlerOptions, "bodyTimeoutMs"> {
  /** Where messages are posted to. @default / */
  readonly path?: string | undefined;
}

/** A listener for messages that are posted over HTTP. Requests are answered at their hooks. @throws `bad_field` */
export function createHttpListener(options: HttpListenerOptions = {}): Listener {
  const { path = "/", bodyTimeoutMs, maxFrameBytes } = options;
  return createMessageListener({
    ...options,
    async listen(open) {
      const door = new HttpDoor(options);
      door.route(path, async (request, response) => {
        const take = (body: Buffer): Promise<string> => new Promise((resolve, reject) => {
          const text = decodeUtf8(body);
          const acknowledge = (acknowledgement: string): void => {
            resolve(acknowledgement);
            queueMicrotask(() => { connection.close(); }); // the exchange is over, what it has begun goes on
          };
          const connection = open({
            accept: () => { acknowledge(acceptedOnceText); },
            refuse: acknowledge,
            ended: (unacknowledged) => {
              if (unacknowledged.length === 0) return;
              response.destroy(); // it may have been taken: no word of it is right
              reject(cutError());
            },
          });
          connection.push(text, response);
        });
        await createTextHandler(take, { maxBodyBytes: maxFrameBytes, bodyTimeoutMs })(request, response);
      });
      await door.start();
      return { url: parseUrl(new URL(path, door.url)), close: async () => { await door.stop(); } };
    },
  });
}
