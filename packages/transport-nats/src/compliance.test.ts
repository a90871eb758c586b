import { NatsServer, whyNoNatsServer } from "@acomm/testing";
import { transportCompliance } from "@acomm/transport-testing";
import type { ComplianceSubject } from "@acomm/transport-testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import { createNatsNetwork } from "./network.ts";

describe.skipIf(whyNoNatsServer !== undefined).each([["the default payload", ""], ["a payload of 32 KiB, so that longer messages go as streams", "max_payload: 32768"]])("complies with %s:", (_name, configuration) => {
  let server: NatsServer;
  beforeAll(async () => { server = await NatsServer.start(configuration); });
  afterAll(() => server[Symbol.asyncDispose]());

  let count = 0;
  const subject: ComplianceSubject = {
    capabilities: ["order", "answers", "probe", "streams"],
    async open(limits) {
      const network = createNatsNetwork({ server: server.url, ...limits });
      return {
        transport: network.transport,
        createListener: () => network.createListener(`service.${count++}`),
        serveStream: (source) => network.serveStream(source),
        [Symbol.asyncDispose]: () => network.close(),
      };
    },
  };
  test.each(transportCompliance(subject).map(({ name, run }) => [name, run] as const))("%s", (_case, run) => run());
});
