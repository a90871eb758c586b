import { thrownBy } from "@acomm/testing";
import { expect, test } from "vitest";
import { exchangeRaw, startHttp } from "../fixtures/http.ts";
import { requireBearerToken } from "./bearer.ts";

const tokens = ["first-token", "c2Vjb25k=="];

test("only who shows one of the tokens comes in; the others hear how, and what they sent is not read", async () => {
  let calls = 0;
  const handler = requireBearerToken(async (_request, response) => {
    calls += 1;
    response.end("in");
  }, tokens);
  await using server = await startHttp((request, response) => void handler(request, response));
  const ask = async (authorization: string): Promise<readonly [number, string | undefined]> => {
    const { status, head } = await exchangeRaw(server.port, `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000\r\n${authorization}\r\n`);
    return [status, /www-authenticate: (.*)/.exec(head)?.[1]];
  };
  const refused = [401, 'bearer realm="acomm"'];
  for (const header of ["", "Authorization: first-token", "Authorization: Basic first-token", "Authorization: Bearer ", "Authorization: Bearer first-toke", "Authorization: Bearer first-token2", "Authorization: Bearer FIRST-TOKEN", "Authorization: Bearer first-token c2Vjb25k=="]) {
    expect([header, await ask(header === "" ? "" : `${header}\r\n`)]).toEqual([header, refused]);
  }
  expect(calls).toBe(0);
  for (const header of ["Authorization: Bearer first-token", "Authorization: bearer   c2Vjb25k=="]) expect(await ask(`${header}\r\n`)).toEqual([200, undefined]);
  expect(calls).toBe(2);
});

test("a token that can't be shown is refused when the handler is made, and not told", () => {
  const handler = async (): Promise<void> => undefined;
  expect(thrownBy(() => requireBearerToken(handler, [])).code).toBe("bad_field");
  for (const token of ["", "two words", "käse", "line\nbreak"]) {
    const { code, message } = thrownBy(() => requireBearerToken(handler, ["good", token]));
    expect([code, token !== "" && message.includes(token)]).toEqual(["bad_field", false]);
    expect(message).toMatch("tokens[1]");
  }
});
