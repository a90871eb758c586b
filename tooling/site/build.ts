// Builds the documentation site into `.cache/site`, or the directory that is given.
// Exits non-zero where TypeDoc warns, a page isn't in the navigation, or a link leads nowhere.
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve } from "node:path";
import type { NavigationElement, NormalizedPath, ProjectReflection, Reflection, RouterTarget } from "typedoc";
import { Application, BaseRouter, DefaultTheme, DocumentReflection, MinimalSourceFile, PageEvent, ReflectionKind, RendererEvent } from "typedoc";
import { checkLinks } from "./check-links.ts";
import { absoluteLinks, SiteLinks, sourceLink, withoutHeadline } from "./links.ts";
import { entryPoints } from "./packages.ts";
import { readFrontPage, readSections } from "./pages.ts";
import { exists, isDirectory, read, root } from "./repository.ts";
import type { PublicName } from "./source-pages.ts";
import { sourcePage } from "./source-pages.ts";

const output = resolve(process.argv[2] ?? join(root, ".cache", "site"));
const started = performance.now();
const entries = entryPoints();
const { sections, problems } = readSections();
const pages = sections.flatMap((section) => section.pages);
const urls = new Map<Reflection, string>(); // without `.html`
const links = new SiteLinks(
  new Map([
    ["README.md", "index.html"],
    ["docs/index.md", "index.html"],
    ["docs", "index.html"],
    ...pages.flatMap(({ file, url }) => [[file, `${url}.html`] as const, [file.replace(/\/README\.md$/, ""), `${url}.html`] as const]),
    ...entries.flatMap(({ directory, url }) => (directory === undefined ? [] : [[directory, `${url}.html`] as const, [`${directory}/README.md`, `${url}.html`] as const])),
  ]),
);

/** Pages where their files are, names in a folder of their package. */
class SiteRouter extends BaseRouter {
  protected getIdealBaseName(target: RouterTarget): string {
    const reflection = target as Reflection;
    const url = urls.get(reflection);
    if (url !== undefined) return url;
    return `${reflection.parent === undefined ? "reference" : this.getIdealBaseName(reflection.parent)}/${this.getUrlSafeName(reflection.name)}`;
  }
}

/** The sections of pages first, then the packages. */
class SiteTheme extends DefaultTheme {
  override buildNavigation(project: ProjectReflection): NavigationElement[] {
    const packages = super.buildNavigation(project).filter(({ kind }) => kind === ReflectionKind.Module);
    const guide = sections.map((section) => ({
      text: section.title,
      children: section.pages.map((page) => ({ text: page.title, path: `${page.url}.html`, kind: ReflectionKind.Document })),
    }));
    return [...guide, { text: "Reference", children: packages }] as NavigationElement[];
  }
}

const app = await Application.bootstrap({
  name: "acomm",
  entryPoints: entries.map(({ file }) => join(root, file)),
  tsconfig: join(import.meta.dirname, "tsconfig.json"),
  basePath: root,
  skipErrorChecking: true, // the type check is a step of its own
  readme: "none",
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  sortEntryPoints: false,
  disableGit: true,
  sourceLinkTemplate: sourceLink("{path}", 0), // until it is known where the root is
  searchInComments: true,
  searchInDocuments: true,
  navigation: { includeCategories: false, includeGroups: false, excludeReferences: true },
  router: "site",
  theme: "site",
  customCss: join(import.meta.dirname, "site.css"),
  favicon: join(import.meta.dirname, "favicon.svg"),
  highlightLanguages: ["typescript", "javascript", "json", "bash", "sh", "go", "html", "css", "tsx", "yaml", "ini", "docker", "http", "diff"],
  ignoredHighlightLanguages: ["text", "console"],
  markdownLinkExternal: false,
  hideGenerator: true,
  includeVersion: false,
  githubPages: false,
  packagesRequiringDocumentation: [...new Set(entries.map(({ packageName }) => packageName))],
  // the inside of types, which the comment above the type is about
  intentionallyNotDocumented: [
    "ResponseHandler.__type.handle",
    ...["version", "vendor", "validate", "types", "types.__type.output"].map((name) => `Schema.~standard.__type.${name}`),
    ...["value", "issues", "issues.__type.message", "issues.__type.path", "issues.__type.path.__type.key"].map((name) => `SchemaOutcome.__type.${name}`),
  ].map((name) => `@acomm/protocol.${name}`),
  validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true, unusedMergeModuleWith: true },
});
app.renderer.defineRouter("site", SiteRouter);
app.renderer.defineTheme("site", SiteTheme);

const project = await app.convert();
if (project === undefined) throw new Error("TypeDoc reads nothing: see above");
addPages(project);
app.renderer.on(PageEvent.END, (page) => {
  // the icons stand in every page, where they are found without a server as well
  page.contents = links.resolve(page.url, (page.contents ?? "").replaceAll(/(?<=<use href=")[^"#]*(?=#icon-)/g, ""));
});
app.renderer.on(RendererEvent.END, () => writeSources(project), 100); // before the colours of what was highlighted are written down
app.validate(project);
await app.generateDocs(project, output);
for (const image of links.images) copy(image, `images/${image}`);

problems.push(...links.problems);
if (app.logger.errorCount + app.logger.warningCount > 0) problems.push("TypeDoc warns: see above");
const { files, checked, broken } = checkLinks(output);
problems.push(...broken);
for (const problem of problems) console.error(problem);
console.log(`${files} files, ${checked} links, ${problems.length} problems in ${((performance.now() - started) / 1000).toFixed(1)} s: ${relative(process.cwd(), join(output, "index.html"))}`);
process.exitCode = problems.length > 0 ? 1 : 0;

/** Gives the packages their names and READMEs, and the project its pages. */
function addPages(reflection: ProjectReflection): void {
  const parse = (file: string, text: string): DocumentReflection["content"] =>
    app.converter.parseRawComment(new MinimalSourceFile(absoluteLinks(file, text), join(root, file) as NormalizedPath), reflection.files).content;
  reflection.readme = parse("docs/index.md", withoutHeadline(readFrontPage()));
  for (const { name, file, directory, url } of entries) {
    const module = reflection.children?.find(({ sources }) => sources?.[0]?.fileName === file);
    if (module === undefined) throw new Error(`${file} is no module of the reference`);
    module.name = name;
    urls.set(module, url);
    const readme = `${directory ?? ""}/README.md`;
    if (directory !== undefined && exists(readme)) module.readme = parse(readme, withoutHeadline(read(readme)));
  }
  for (const declared of Object.values(reflection.reflections)) {
    for (const source of declared.isDeclaration() || declared.isSignature() ? (declared.sources ?? []) : []) source.url = sourceLink(source.fileName, source.line);
  }
  for (const { file, title, url, text } of pages) {
    const document = new DocumentReflection(title, reflection, parse(file, text), {});
    urls.set(document, url);
    reflection.addChild(document);
    reflection.registerReflection(document, undefined, join(root, file) as NormalizedPath);
  }
}

/** Writes the sources that something links to, and those that these link to. */
function writeSources(reflection: ProjectReflection): void {
  const names = publicNames(reflection);
  const todo = new Set(links.sources);
  for (const file of todo) {
    if (file.endsWith(".tgz") || (!file.endsWith("/") && isDirectory(file))) continue;
    const page = sourcePage(file, names.get(file) ?? [], (text, language) => app.renderer.markedPlugin.getHighlighted(text, language));
    for (const needed of page.needs) todo.add(needed);
    write(page.url, page.html);
  }
}

/** What the reference describes, by the file that declares it. */
function publicNames(reflection: ProjectReflection): Map<string, PublicName[]> {
  const names = new Map<string, PublicName[]>();
  const { router } = app.renderer;
  for (const child of reflection.children?.flatMap((module) => module.children ?? []) ?? []) {
    if (child.kind === ReflectionKind.Reference || router?.hasUrl(child) !== true) continue;
    const file = child.sources?.[0]?.fileName ?? "";
    names.set(file, [...(names.get(file) ?? []), { name: child.name, url: router.getFullUrl(child) }]);
  }
  return names;
}

function write(url: string, content: string): void {
  mkdirSync(dirname(join(output, url)), { recursive: true });
  writeFileSync(join(output, url), content);
}

function copy(file: string, url: string): void {
  mkdirSync(dirname(join(output, url)), { recursive: true });
  cpSync(join(root, file), join(output, posix.normalize(url)));
}
