import { posix } from "node:path";
import { exists, list, read } from "./repository.ts";

interface Page {
  readonly file: string;
  readonly title: string;
  /** Without `.html`. */
  readonly url: string;
  readonly text: string;
}

interface Section {
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
    const listed = [...named.filter(exists), ...found.filter((file) => !named.includes(file))].map(readPage);
    return { title, pages: folder === undefined || found.length === 0 || exists(`${folder}/README.md`) ? listed : [listPage(title, folder, listed), ...listed] };
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

/** For a folder without a page of its own, to which others link. */
function listPage(title: string, folder: string, pages: readonly Page[]): Page {
  const items = pages.map((page) => `- [${page.title}](${posix.relative(folder, page.file)})`);
  return { file: `${folder}/README.md`, title: `All ${title.toLowerCase()}`, url: folder.replace(/^docs\//, ""), text: `# ${title}\n\n${items.join("\n")}\n` };
}

function markdownIn(directory: string): string[] {
  return list(directory).flatMap((name) => (name.endsWith("/") ? markdownIn(posix.join(directory, name)) : name.endsWith(".md") ? [posix.join(directory, name)] : []));
}
