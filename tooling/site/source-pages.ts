import { posix } from "node:path";
import { list, read } from "./repository.ts";

/** Where the source of a file is shown, or, with a slash at its end, what is in a directory. */
export const sourceUrl = (file: string): string => `source/${file.endsWith("/") ? `${file}index` : file}.html`;

export interface PublicName {
  readonly name: string;
  readonly url: string;
}

export interface SourcePage {
  readonly url: string;
  readonly html: string;
  /** Other files that it links to, which therefore need a page as well. */
  readonly needs: readonly string[];
}

/**
 * A file with its lines numbered, or what is in a directory.
 * @param names what the file declares that the reference describes
 * @param highlight gives the HTML of a TypeScript text, one line behind `<br/>` after another
 */
export function sourcePage(file: string, names: readonly PublicName[], highlight: (text: string, language: string) => string): SourcePage {
  const url = sourceUrl(file);
  const base = "../".repeat(url.split("/").length - 1);
  if (file.endsWith("/")) {
    const children = list(file).map((name) => file + name);
    const items = children.map((child) => `<li><a href="${posix.relative(posix.dirname(url), sourceUrl(child))}">${child.slice(file.length)}</a></li>`);
    return { url, html: frame(file, base, "", `<ul class="source-list">${items.join("\n")}</ul>`), needs: children };
  }
  // the tests are half of the text, and colours are most of the time that the site takes
  const language = /(?<!\.test)\.(?:ts|js|mjs)$/.test(file) ? "typescript" : file.endsWith(".json") ? "json" : file.endsWith(".sh") ? "bash" : undefined;
  const text = read(file).replace(/\n$/, "");
  const html = language === undefined ? escapeHtml(text) : highlight(text, language).replaceAll("<br/>", "\n");
  const lines = html.split("\n").map((line, index) => `<span id="L${index + 1}">${line}</span>`);
  const about = names.map((name) => `<a href="${base}${name.url}">${name.name}</a>`).join(", ");
  return { url, html: frame(file, base, about === "" ? "" : `<p>In the reference: ${about}</p>`, `<pre class="source"><code>${lines.join("\n")}</code></pre>`), needs: [] };
}

function frame(file: string, base: string, about: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en" data-base="${base}">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>${file} | acomm</title>
<link rel="icon" href="${base}assets/favicon.svg"/>
<link rel="stylesheet" href="${base}assets/style.css"/>
<link rel="stylesheet" href="${base}assets/highlight.css"/>
<link rel="stylesheet" href="${base}assets/custom.css"/>
</head>
<body class="source-page">
<script>document.documentElement.dataset.theme = localStorage.getItem("tsd-theme") || "os"</script>
<header class="source-header"><a class="title" href="${base}index.html">acomm</a></header>
<main class="source-main">
<h1>${file}</h1>
${about}
${content}
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
