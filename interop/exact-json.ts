/** Numbers that JavaScript can't hold, a repeated key, an order of its own, escapes: a text that survives only byte for byte. */
export const exactText = String.raw`{"z":9007199254740993,"huge":1e400,"z":-0.10,"a":["\u0041\/","ä€😀",[ ]]}`;

/** A value that `JSON.stringify` writes as this text. */
export function rawJson(text: string): unknown {
  // in every Node.js that is supported; the type declarations don't know it yet
  return (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON(text);
}
