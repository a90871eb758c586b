import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import type { handleUnaryCall, MethodDefinition } from "@grpc/grpc-js";
import { promisify } from "node:util";
import type { Caller } from "../contestant.ts";

const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const decode = (bytes: Buffer): unknown => JSON.parse(bytes.toString("utf8"));

/** A unary method with JSON in place of protocol buffers, over one channel. */
const echo: MethodDefinition<unknown, unknown> = {
  path: "/benchmark.Calls/Echo",
  requestStream: false,
  responseStream: false,
  requestSerialize: encode,
  requestDeserialize: decode,
  responseSerialize: encode,
  responseDeserialize: decode,
};

export async function serve(socketPath: string): Promise<void> {
  const server = new Server();
  const handle = async (args: unknown): Promise<unknown> => args;
  const answer: handleUnaryCall<unknown, unknown> = (call, respond) => {
    handle(call.request).then((result) => { respond(null, result); }, respond);
  };
  server.addService({ echo }, { echo: answer });
  await promisify(server.bindAsync.bind(server))(`unix:${socketPath}`, ServerCredentials.createInsecure());
}

export async function connect(socketPath: string): Promise<Caller> {
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure());
  await promisify(client.waitForReady.bind(client))(Date.now() + 10_000);
  return {
    call: (args) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(echo.path, echo.requestSerialize, echo.responseDeserialize, args, (error, result) => {
          if (error === null) resolve(result);
          else reject(error);
        });
      }),
    async close() {
      client.close();
    },
  };
}
