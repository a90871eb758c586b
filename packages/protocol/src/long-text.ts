/** From which length on a text is remembered in its pieces, in characters, and up to which: what is remembered stays in memory. */
const leastLength = 32 * 1024;
const mostLength = 1024 * 1024;

/** The long text that was put together last, and its pieces, until they are taken. */
let last: { readonly text: string; readonly pieces: readonly string[] } | undefined;

/**
 * @internal Puts a text together. V8 copies a long one before it can be encoded, which takes longer than to encode it; so its pieces
 * are remembered for {@link takePieces}.
 */
export function joinPieces(head: string, body: string, tail: string): string {
  const text = head + body + tail;
  if (body.length >= leastLength && body.length <= mostLength) last = { text, pieces: [head, body, tail] };
  return text;
}

/** @internal The pieces of a text, each of which can be encoded by itself: those of {@link joinPieces} where it has made it last. */
export function takePieces(text: string): readonly string[] {
  if (last?.text !== text) return [text];
  const { pieces } = last;
  last = undefined;
  return pieces;
}
