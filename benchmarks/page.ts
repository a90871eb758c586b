import type { Section } from "./section.ts";

/** The contestants that a page shows off. */
const own = /^(?:acomm|MultiRequest|through a coordinator)/;

/**
 * The text of a page with the tables of these sections in it, each in place of the table that follows its comment:
 * `<!-- calls-200-64 -->`. What has no such comment is left out.
 */
export function pageWith(page: string, sections: readonly Section[]): string {
  return sections.reduce((text, section) => text.replace(new RegExp(`(<!-- ${section.name} -->\\n\\n)(?:\\|.*\\n)+`), (_, comment: string) => comment + markdownOf(section)), page);
}

function markdownOf({ columns, rows }: Section): string {
  return [
    `| | ${columns.map(({ heading }) => heading).join(" | ")} |`,
    `|---|${"---:|".repeat(columns.length)}`,
    ...rows.map(({ name, values }) => `| ${own.test(name) ? `**${name}**` : name} | ${columns.map(({ key, digits }) => numberOf(values[key], digits)).join(" | ")} |`),
    "",
  ].join("\n");
}

/** With a space after each three digits before the point. */
function numberOf(value: number | undefined, digits = 0): string {
  const [whole = "", fraction] = (value?.toFixed(digits) ?? "").split(".");
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, " ");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}
