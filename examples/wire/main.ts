/** The bytes of one call, written and read by hand: what a peer in another language does. */
import { acceptedReplyText, acceptedText, asksOf, cancelledId, cancelTask, checkFrameLength, checkTrace, createResponse, decodeAcknowledgement, decodeRequest, decodeResponse, decodeUtf8, defaultMaxDepth, defaultMaxFrameBytes, encodeCall, encodeCancel, encodeFrame, encodeJson, encodeProgress, encodeRefusal, encodeReply, encodeRequest, encodeResponse, FrameDecoder, isAnswer, parseJson, parseMember, replyHead, replyResult, standsAt, utf8Length } from "@acomm/protocol";
import type { Acknowledgement, FrameHandler, RawJson, Request, RequestAsks, TraceContext } from "@acomm/protocol";
import assert from "node:assert/strict";

// the caller writes a request: what it asks for stands beside the task, and means nothing to a peer that doesn't know it
const trace: TraceContext = checkTrace({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
const asks: RequestAsks = { timeoutMs: 1500, progress: true, trace };
const big: RawJson = { text: '{"n":12345678901234567890}', value: parseJson('{"n":12345678901234567890}', defaultMaxDepth) };
const request: Request = { id: "a-1", task: "double", responseHook: null, streamUrl: null, args: big.value, raw: big };
const text = encodeRequest(request, { ...asks, reply: true });
assert.ok(text.includes(big.text), "arguments keep their digits");
const frame = encodeFrame(text, defaultMaxFrameBytes);
assert.equal(frame.length, 4 + utf8Length(text));

// the receiver takes frames out of chunks that may be cut anywhere
const decoder = new FrameDecoder({ maxFrameBytes: 64 * 1024 });
const payloads: string[] = [];
const take: FrameHandler = (source, start, end) => { payloads.push(decodeUtf8(source.subarray(start, end))); };
decoder.scan(frame.subarray(0, 3), take);
assert.deepEqual([payloads.length, decoder.isPartial, decoder.heldBytes], [0, true, 3]);
decoder.scan(frame.subarray(3), take);
assert.deepEqual(payloads, [text]);
assert.throws(() => { checkFrameLength(65 * 1024, 64 * 1024); }, { code: "frame_too_large" });
assert.throws(() => new FrameDecoder().push(Buffer.from("GET / HTTP/1.1")), /this is HTTP on a framed socket/);

const received = decodeRequest(payloads[0] ?? "");
assert.deepEqual(asksOf(received), { ...asks, hops: undefined });
assert.equal(received.raw?.text, big.text);

// it acknowledges, says how far it is, and answers: all on the same connection
const acknowledgement: Acknowledgement = decodeAcknowledgement(acceptedReplyText);
assert.deepEqual(acknowledgement, { error: "", keepAlive: true, reply: true, cancel: true });
assert.equal(decodeAcknowledgement(encodeRefusal(new Error("not today"), { keepAlive: true })).error, "not today");
const progress = decodeResponse(encodeProgress(received, { done: 1 }, { reply: true }));
assert.deepEqual(progress.ext, { reply: true, progress: { done: 1 } });
const answer = encodeResponse(createResponse(received, { result: 2 }), { reply: true });
assert.deepEqual([acceptedText, acceptedReplyText, answer].map(isAnswer), [false, false, true]);
assert.equal(decodeResponse(answer).result, 2);

// the short forms, which most calls have: the text of args and result is cut out without looking at the rest
const call = decodeRequest(encodeCall("b.2", "double", encodeJson(21, "args"), 2_000));
const reply = encodeReply(call, encodeJson(42, "result"));
assert.ok(standsAt(reply, replyHead, 0));
const result = replyResult(reply, replyHead.length + call.id.length, reply.length);
assert.equal(parseMember(result ?? ""), 42);

// a caller takes its request back
const cancel = decodeRequest(encodeCancel("a-1"));
assert.deepEqual([cancel.task, cancelledId(cancel), cancelledId(call)], [cancelTask, "a-1", undefined]);

console.log(`wire: a request of ${frame.length} bytes, its acknowledgement, progress and answer, as they go over a socket`);
