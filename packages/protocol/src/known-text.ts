/** The text that is being read, each of whose characters is one byte, and these bytes: one index fits both. */
let readText = "";
let readBytes: DataView | undefined;

/** @internal Until the next call {@link KnownText} may look at the bytes of this text, whose frames are ASCII. They must not change meanwhile. */
export function noteBytes(text: string, bytes?: Uint8Array): void {
  readText = text;
  readBytes = bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @internal A text that frames hold again and again; from eight characters on its bytes are compared. */
export class KnownText {
  readonly text: string;
  /** Undefined until it was found once: many are looked for in vain and made anew. */
  #bytes: DataView | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** Whether it stands in the text at `start`. To compare bytes costs less than the text that `slice` gives. */
  standsAt(text: string, start: number): boolean {
    const { length } = this.text;
    const own = this.#bytes;
    const bytes = readBytes;
    if (own === undefined || bytes === undefined || text !== readText || length < 8) {
      const stands = text.slice(start, start + length) === this.text;
      if (stands) this.#bytes ??= new DataView(new TextEncoder().encode(this.text).buffer);
      return stands;
    }
    if (start < 0 || start + length > bytes.byteLength) return false;
    // eight bytes at a time, as numbers: of ASCII none is NaN, and no two are the same
    for (let at = length - 8; at > 0; at -= 8) if (bytes.getFloat64(start + at, true) !== own.getFloat64(at, true)) return false;
    return bytes.getFloat64(start, true) === own.getFloat64(0, true);
  }
}
