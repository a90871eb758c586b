import { internalNames } from "@acomm/testing";
import { expect, test } from "vitest";
import * as protocol from "./index.ts";

const internal = await internalNames(import.meta.dirname);
const names = Object.keys(protocol).sort();

test("the public names", () => {
  expect(names.filter((name) => !internal.has(name))).toEqual([
    "AcommError", "AcommUrl", "FrameDecoder", "acceptedOnceText", "acceptedReplyText", "acceptedText", "acommErrorCodes", "asksOf", "cancelTask",
    "createRequest", "createResponse", "decodeAcknowledgement", "decodeErrorText", "decodeRequest", "decodeResponse", "decodeUrl",
    "defaultMaxDepth", "defaultMaxFrameBytes", "encodeCancel", "encodeErrorText", "encodeFrame", "encodeRefusal", "encodeRequest",
    "encodeResponse", "encodeUrl", "errorOfResponse", "handleResponse", "isAnswer", "isErrorCode", "maxNameBytes", "maxSocketPathBytes",
    "maxUrlLength", "parseUrl", "socketPathOf", "unmarshalArgs", "unmarshalResult", "validateRequest",
  ]);
});

test("what only its neighbours use, and no type mentions", () => {
  expect(names.filter((name) => internal.has(name))).toEqual([
    "CallFrames", "KnownText", "badField", "cancelledId", "checkFrameLength", "checkName", "checkOptionNames", "checkTrace", "cutOut",
    "decodeUtf8", "encodeJson", "encodeProgress", "encodeReply", "headerPlace", "nearNames", "noteBytes",
    "numberEnd", "optionalUrl", "parseJson", "parseMember", "replyHead", "replyResult", "takePieces", "utf8Length",
  ]);
});
