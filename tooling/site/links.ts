import { posix } from "node:path";
import { exists, isDirectory, read } from "./repository.ts";
import { sourceUrl } from "./source-pages.ts";

// Links between files of the repository pass TypeDoc as URLs of a scheme that it leaves alone, since what it makes of
// relative ones are copies of sources in a folder for media. They become links of the site when a page is written.
const scheme = "repository:";

/** What a page writes for a line of a source. */
export const sourceLink = (file: string, line: number): string => `${scheme}${file}#L${line}`;

/** The Markdown of `file` with its relative links made absolute ones into the repository. */
export function absoluteLinks(file: string, markdown: string): string {
  return markdown.replace(/^```.*?^```$|`[^`\n]*`|\]\(([^)\s]+)\)(?: "([^"\n]+)")?/gms, (whole, link?: string, title?: string) => {
    if (link === undefined || /^(?:\w+:|#)/.test(link)) return whole;
    const [path = "", anchor] = link.split("#");
    const target = posix.join(posix.dirname(file), path).replace(/\/$/, "");
    const line = anchor ?? (title !== undefined && target.endsWith(".ts") && exists(target) ? lineOf(target, title) : undefined);
    return `](${scheme}${target}${line === undefined ? "" : `#${line}`})${title === undefined ? "" : ` "${title}"`}`;
  });
}

/** A page without its headline, which the site writes itself above it. */
export function withoutHeadline(markdown: string): string {
  return markdown.replace(/^# .+\n+/m, "");
}

/** The line of a test that a page cites by its title. */
function lineOf(file: string, title: string): string | undefined {
  const index = read(file).split("\n").findIndex((line) => line.includes(title));
  return index < 0 ? undefined : `L${index + 1}`;
}

/** Where the files of the repository are in the site. */
export class SiteLinks {
  readonly #pages: ReadonlyMap<string, string>;
  /** Files that something links to, whose sources have to be shown. */
  readonly sources = new Set<string>();
  readonly images = new Set<string>();
  readonly problems = new Set<string>();

  /** @param pages the URLs of what has a page, by file or directory */
  constructor(pages: ReadonlyMap<string, string>) {
    this.#pages = pages;
  }

  /** The HTML of the page at `url` with its links into the repository made links of the site. */
  resolve(url: string, html: string): string {
    return html.replace(/(href|src)="repository:([^"#]*)(#[^"]*)?"/g, (_, attribute: string, file: string, anchor = "") => {
      const path = decodeURI(file);
      return `${attribute}="${posix.relative(posix.dirname(url), this.#target(path, url))}${anchor as string}"`;
    });
  }

  #target(file: string, from: string): string {
    const page = this.#pages.get(file);
    if (page !== undefined) return page;
    if (!exists(file)) {
      this.problems.add(`${from}: there is no ${file}`);
      return "index.html";
    }
    if (/\.(?:svg|png)$/.test(file)) {
      this.images.add(file);
      return `images/${file}`;
    }
    this.sources.add(isDirectory(file) ? `${file}/` : file);
    return sourceUrl(isDirectory(file) ? `${file}/` : file);
  }
}
