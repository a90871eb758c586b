import { AcommError, cancelledId, decodeRequest, decodeResponse, defaultMaxFrameBytes, FrameDecoder } from "@acomm/protocol";

/** How the target reads what comes: as requests, or as responses. */
export type Role = "service" | "response socket";

/** What must become of a stream of bytes, by the codecs alone. */
export interface Verdict {
  /** The acknowledgements in their order: `accepted`, or the code of the refusal. */
  readonly acknowledgements: readonly string[];
  /** The ids of the requests that are to be answered on the connection. */
  readonly answers: readonly string[];
  /** The ids of those that are taken back, which may have been answered before. */
  readonly cancelled: readonly string[];
  /** Whether nothing more can be read after it. */
  readonly isBroken: boolean;
  /** Whether it ends within a frame. */
  readonly isPartial: boolean;
}

/** The longest frames that the target takes, in bytes. */
export const maxFrameBytes: Readonly<Record<Role, number>> = { service: 65_536, "response socket": defaultMaxFrameBytes };

export function verdictOn(stream: Buffer, role: Role): Verdict {
  const acknowledgements: string[] = [];
  const answers: string[] = [];
  const cancelled: string[] = [];
  const decoder = new FrameDecoder({ maxFrameBytes: maxFrameBytes[role] });
  let isBroken = false;
  try {
    decoder.scan(stream, (source, start, end) => {
      acknowledgements.push(codeOf(() => {
        const message = source.subarray(start, end);
        if (role === "response socket") {
          decodeResponse(message);
        } else {
          const request = decodeRequest(message);
          const { id, ext } = request;
          const other = cancelledId(request);
          if (other !== undefined) cancelled.push(other);
          if (ext?.["reply"] === true) answers.push(id);
        }
      }));
    });
  } catch (error) {
    isBroken = true;
    acknowledgements.push(codeOf(() => { throw error; }));
  }
  const isPartial = !isBroken && decoder.isPartial;
  if (isPartial) acknowledgements.push("bad_frame");
  return { acknowledgements, answers, cancelled, isBroken, isPartial };
}

/** `accepted`, or the code of the AcommError. @throws whatever else is thrown, which is a fault of the codec */
function codeOf(decode: () => void): string {
  try {
    decode();
    return "accepted";
  } catch (error) {
    if (error instanceof AcommError) return error.code;
    throw error;
  }
}
