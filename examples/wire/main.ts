/** The bytes of one call, written and read by hand: what a peer in another language does. */
import { acceptedReplyText, acceptedText, asksOf, cancelTask, createResponse, decodeAcknowledgement, decodeRequest, decodeResponse, defaultMaxDepth, defaultMaxFrameBytes, encodeCancel, encodeFrame, encodeRefusal, encodeRequest, encodeResponse, FrameDecoder, isAnswer } from "@acomm/protocol";
import type { Acknowledgement, RawJson, Request, RequestAsks, TraceContext } from "@acomm/protocol";
import assert from "node:assert/strict";

// the caller writes a request: what it asks for stands beside the task, and means nothing to a peer that doesn't know it
const trace: TraceContext = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
const asks: RequestAsks = { timeoutMs: 1500, progress: true, trace };
const big: RawJson = { text: '{"n":12345678901234567890}', value: JSON.parse('{"n":12345678901234567890}') };
const request: Request = { id: "a-1", task: "double", responseHook: null, streamUrl: null, args: big.value, raw: big };
const text = encodeRequest(request, { ...asks, reply: true });
assert.ok(text.includes(big.text), "arguments keep their digits");
const frame = encodeFrame(text, defaultMaxFrameBytes);
assert.equal(frame.length, 4 + new TextEncoder().encode(text).length);

// the receiver takes frames out of chunks that may be cut anywhere
const decoder = new FrameDecoder({ maxFrameBytes: 64 * 1024 });
assert.deepEqual([decoder.push(frame.subarray(0, 3)), decoder.isPartial], [[], true]);
const payloads = decoder.push(frame.subarray(3)).map((payload) => new TextDecoder().decode(payload));
assert.deepEqual(payloads, [text]);
assert.throws(() => decoder.push(Uint8Array.of(0, 1, 0, 1)), { code: "frame_too_large" });
assert.throws(() => new FrameDecoder().push(Buffer.from("GET / HTTP/1.1")), /this is HTTP on a framed socket/);

const received = decodeRequest(payloads[0] ?? "", 0, text.length, defaultMaxDepth);
assert.deepEqual(asksOf(received), { ...asks, hops: undefined });
assert.equal(received.raw?.text, big.text);

// it acknowledges and answers, both on the same connection
const acknowledgement: Acknowledgement = decodeAcknowledgement(acceptedReplyText);
assert.deepEqual(acknowledgement, { error: "", keepAlive: true, reply: true, cancel: true });
assert.equal(decodeAcknowledgement(encodeRefusal(new Error("not today"), { keepAlive: true })).error, "not today");
const answer = encodeResponse(createResponse(received, { result: 2 }), { reply: true });
assert.deepEqual([acceptedText, acceptedReplyText, answer].map(isAnswer), [false, false, true]);
assert.equal(decodeResponse(answer).result, 2);

// a caller takes its request back
const cancel = decodeRequest(encodeCancel("a-1"));
assert.equal(cancel.task, cancelTask);

console.log(`wire: a request of ${frame.length} bytes, its acknowledgement and answer, as they go over a socket`);
