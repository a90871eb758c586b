import { posix } from "node:path";
import { exists, list, read } from "./repository.ts";

export interface Page {
  readonly file: string;
  readonly title: string;
  /** Without `.html`. */
  readonly url: string;
  readonly text: string;
}

export interface Section {
  readonly title: string;
  readonly pages: readonly Page[];
}

interface NavigationEntry {
  readonly title: string;
  /** Its pages are those that `pages` names, in that order, and whatever else it holds behind them. */
  readonly folder?: string;
  readonly pages?: readonly string[];
}

const frontPage = "docs/index.md";

/** The page that is called by no navigation, since everybody arrives there. */
export function readFrontPage(): string {
  return read(frontPage);
}

/** The pages in the order of `docs/navigation.json`, and what that file has forgotten, as problems. A page it names may be missing. */
export function readSections(): { readonly sections: Section[]; readonly problems: string[] } {
  const entries = JSON.parse(read("docs/navigation.json")) as readonly NavigationEntry[];
  const sections = entries.map(({ title, folder, pages = [] }) => {
    const named = pages.map((page) => posix.join(folder ?? "", page));
    const found = folder !== undefined && exists(folder) ? markdownIn(folder) : [];
    return { title, pages: [...named.filter(exists), ...found.filter((file) => !named.includes(file))].map(readPage) };
  });
  const known = new Set([frontPage, ...sections.flatMap(({ pages }) => pages.map(({ file }) => file))]);
  const there = [...markdownIn("docs"), ...["SECURITY.md", "CONTRIBUTING.md"].filter(exists)];
  const problems = there.filter((file) => !known.has(file)).map((file) => `${file} is a page that docs/navigation.json doesn't name`);
  return { sections: sections.filter(({ pages }) => pages.length > 0), problems };
}

function readPage(file: string): Page {
  const text = read(file);
  const [, title = ""] = /^# (.+)$/m.exec(text) ?? [];
  return { file, title: title.replaceAll("`", ""), url: file.replace(/^docs\//, "").replace(/(?:\/README)?\.md$/, "").toLowerCase(), text };
}

function markdownIn(directory: string): string[] {
  return list(directory).flatMap((name) => (name.endsWith("/") ? markdownIn(posix.join(directory, name)) : name.endsWith(".md") ? [posix.join(directory, name)] : []));
}
