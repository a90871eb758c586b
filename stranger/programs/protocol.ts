/** Prints `disk-info {"all":true}`. */
import { createRequest, decodeRequest, encodeFrame, encodeRequest, FrameDecoder } from "@acomm/protocol";

const request = createRequest({ task: "disk-info", args: { all: true }, responseHook: "unix:///run/acomm/me.sock" });
const frame = encodeFrame(encodeRequest(request));
for (const payload of new FrameDecoder({ maxFrameBytes: 1024 }).push(frame)) {
  const { task, args } = decodeRequest(payload);
  console.log(task, JSON.stringify(args));
}
