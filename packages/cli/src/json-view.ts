import { printable } from "./output.ts";

type Paint = (style: "cyan" | "green" | "yellow" | "magenta", text: string) => string;

const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/**
 * Lays a JSON text out for people: indented, coloured, its numbers with the digits that they came with. Short arrays and
 * objects that hold nothing nested stay on one line.
 *
 * @param text valid JSON
 * @param columns how wide a line should be
 */
export function viewJson(text: string, columns: number, paint: Paint): string {
  const tokens = text.match(token) ?? [];
  const parts: string[] = [];
  let depth = 0;
  const newLine = (): void => { parts.push("\n", "  ".repeat(depth)); };
  for (let at = 0; at < tokens.length; at += 1) {
    const one = tokens[at] ?? "";
    if (one === "{" || one === "[") {
      const end = endOfFlat(tokens, at);
      const flat = end === undefined ? undefined : tokens.slice(at, end + 1);
      if (flat !== undefined && widthOf(flat) + depth * 2 <= columns - 20) {
        parts.push(flat.map((part, index) => flatPart(part, flat, index, paint)).join(""));
        at += flat.length - 1;
        continue;
      }
      parts.push(one);
      depth += 1;
      newLine();
    } else if (one === "}" || one === "]") {
      depth -= 1;
      newLine();
      parts.push(one);
    } else if (one === ",") {
      parts.push(one);
      newLine();
    } else if (one === ":") {
      parts.push(": ");
    } else {
      parts.push(colour(one, tokens[at + 1] === ":", paint));
    }
  }
  return parts.join("");
}

/** Where an array or object ends that holds no other; undefined where it does. */
function endOfFlat(tokens: readonly string[], start: number): number | undefined {
  for (let at = start + 1; at < tokens.length; at += 1) {
    const one = tokens[at];
    if (one === "{" || one === "[") return undefined;
    if (one === "}" || one === "]") return at;
  }
  return undefined;
}

function widthOf(tokens: readonly string[]): number {
  return tokens.reduce((width, one) => width + one.length + (one === "," || one === ":" ? 1 : 0), 0);
}

function flatPart(part: string, flat: readonly string[], index: number, paint: Paint): string {
  if (flat.length === 2) return part;
  if (part === "{") return "{ ";
  if (part === "}") return " }";
  if (part === "," || part === ":") return `${part} `;
  if (part === "[" || part === "]") return part;
  return colour(part, flat[index + 1] === ":", paint);
}

function colour(one: string, isKey: boolean, paint: Paint): string {
  if (one.startsWith('"')) return paint(isKey ? "cyan" : "green", printable(one));
  return paint(one === "true" || one === "false" || one === "null" ? "magenta" : "yellow", one);
}
