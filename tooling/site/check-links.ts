import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export interface LinkReport {
  readonly files: number;
  /** Links and pictures that stay in the site. */
  readonly checked: number;
  /** One line for each that leads nowhere. */
  readonly broken: string[];
}

/** Looks at each `href` and `src` of a built site: the file must be there, and in it the id. What leads elsewhere is not fetched. */
export function checkLinks(directory: string): LinkReport {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(directory, join(entry.parentPath, entry.name)));
  const pages = new Map(files.filter((file) => file.endsWith(".html")).map((file) => [file, linkedPart(readFileSync(join(directory, file), "utf8"))]));
  const ids = new Map([...pages].map(([file, html]) => [file, new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id = ""]) => unescape(id)))]));
  const there = new Set(files);
  const broken = new Set<string>();
  let checked = 0;
  for (const [file, html] of pages) {
    for (const [, written = ""] of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
      const link = unescape(written);
      if (/^(?:https?|mailto|data):/.test(link)) continue;
      checked += 1;
      const [path = "", anchor] = link.replace(/\?[^#]*/, "").split("#");
      const target = path === "" ? file : posix.join(posix.dirname(file), decodeURI(path));
      if (!there.has(target)) broken.add(`${file}: ${link} leads to no file`);
      else if (anchor !== undefined && anchor !== "" && ids.get(target)?.has(decodeURIComponent(anchor)) === false) broken.add(`${file}: ${link} leads to no place in ${target}`);
    }
  }
  return { files: files.length, checked, broken: [...broken] };
}

/** Without what is in scripts, and without icons, which a script puts into the page. */
function linkedPart(html: string): string {
  return html.replaceAll(/<use href="#icon-[^"]*"/g, "").replace(/<script\b[^>]*>.*?<\/script>/gs, (script) => script.slice(0, script.indexOf(">") + 1));
}

function unescape(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
}
