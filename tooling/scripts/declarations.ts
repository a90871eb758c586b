/**
 * The same declarations in fewer bytes, with all of their comments: one space for each level instead of four, no empty lines, comments
 * on one line where nothing in them needs more, and one import for each module of what is used.
 *
 * @param text what api-extractor writes
 */
export function compactDeclarations(text: string): string {
  const imports = new Map<string, string[]>();
  const reference = /^\/\/\/ <reference .*\n/gm;
  const rest = text.replace(/^import (type )?\{ (.+) \} from '(.+)';\n/gm, (_whole, type: string | undefined, names: string, from: string) => {
    imports.set(from, [...(imports.get(from) ?? []), `${type ?? ""}${names}`]);
    return "";
  });
  const body = rest
    .replace(reference, "")
    .replace(/^([ \t]*)\/\*\*(.*?)\*\//gms, (_whole, indent: string, comment: string) => `${indent}${compactComment(comment)}`)
    .replace(/^(?: {4})+/gm, (spaces) => " ".repeat(spaces.length / 4))
    .replace(/^\s*\n/gm, "")
    .replace(/^export declare /gm, "export ") // `export` says already that it is there
    .replace(/^export interface \w+(?:Init|Limits|Options)\b.*?^\}/gms, (options) => options.replace(/^ readonly (?=\w+\?:)/gm, " ")); // whoever writes them may change them
  const code = withoutComments(body);
  const head = [...imports].flatMap(([from, all]) => {
    const names = all.filter((name) => uses(code, name.replace(/^type /, "").replace(/^.* as /, "")));
    if (names.length === 0) return [];
    const onlyTypes = names.every((name) => name.startsWith("type "));
    return [`import ${onlyTypes ? "type " : ""}{ ${names.map((name) => (onlyTypes ? name.slice(5) : name)).join(", ")} } from "${from}";\n`];
  });
  const named = ownNames([...(rest.match(reference) ?? []), ...head, body].join(""));
  // it is there for what isn't exported, and where nothing is
  return /^declare /m.test(named) || !/^export \w/m.test(named) ? named : named.replace(/^export \{ \}\n?/m, "");
}

/**
 * A comment on one line, unless it has paragraphs, a list or code: the tags of a comment need no line of their own.
 *
 * @param comment what stands between its marks
 */
function compactComment(comment: string): string {
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
  const text = lines.join("\n").trim();
  const needsLines = /\n\n(?!@)|^\s*(?:[-*|>]|\d+\.) |```/m.test(text);
  if (needsLines) return `/**${comment}*/`;
  return `/**${/^[/*]/.test(text) ? " " : ""}${text.replace(/\s+/g, " ")}*/`;
}

/**
 * api-extractor gives `Request` another name, since browsers have one of that name. A module may have a name of its own for it, unless it
 * means that of the browsers somewhere as well.
 */
function ownNames(text: string): string {
  const names = new Set([...text.matchAll(/\b(\w+) as \1_2\b|^export \{ (\w+)_2 as \2 \}$/gm)].map(([, imported, declared]) => imported ?? declared ?? ""));
  return [...names].reduce(rename, text);
}

function rename(text: string, name: string): string {
  const code = withoutComments(text).replaceAll(`${name} as ${name}_2`, "").replaceAll(`${name}_2 as ${name}`, "");
  if (uses(code, name)) throw new Error(`${name} means two things`);
  return text
    .replace(new RegExp(`^export \\{ ${name}_2 as ${name} \\}\\n`, "m"), "")
    .replace(new RegExp(`^declare (?=\\w+ ${name}_2\\b)`, "m"), "export ")
    .replaceAll(`${name} as ${name}_2`, name)
    .replace(new RegExp(`\\b${name}_2\\b`, "g"), name);
}

function uses(code: string, name: string): boolean {
  return new RegExp(`(?<![\\w$.])${name.replaceAll("$", "\\$")}(?![\\w$])`).test(code);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
}
