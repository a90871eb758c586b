/** A block of code in a page. */
export interface Fence {
  readonly language: string;
  readonly code: string;
  /** Where the code comes from, as the comment above it says: `examples/echo/main.ts#serve`, or a program that `prints` it. */
  readonly source: FenceSource | undefined;
  /** Where in the page the code stands. */
  readonly start: number;
  readonly end: number;
}

export interface FenceSource {
  /** From the root of the repository. */
  readonly file: string;
  readonly region: string | undefined;
  /** The code is what the file prints when it runs, not the file. */
  readonly isPrinted: boolean;
}

const pattern = /(?:^<!-- (?<file>[\w.-]+(?:\/[\w.@-]+)+)(?:#(?<region>[\w-]+))?(?<prints> prints)? -->\n\n?)?^```(?<language>[\w-]+)\n(?<code>.*?)^```$/gms;

/** The blocks of code of a page, in their order. */
export function fencesOf(page: string): Fence[] {
  return [...page.matchAll(pattern)].map((match) => {
    const { file, region, prints, language = "", code = "" } = match.groups ?? {};
    const end = match.index + match[0].length - "```".length;
    return { language, code, source: file === undefined ? undefined : { file, region, isPrinted: prints !== undefined }, start: end - code.length, end };
  });
}

/** A page with other code in its fences; `undefined` leaves a fence as it is. */
export function withCode(page: string, code: (fence: Fence) => string | undefined): string {
  let text = "";
  let done = 0;
  for (const fence of fencesOf(page)) {
    text += page.slice(done, fence.start) + (code(fence) ?? fence.code);
    done = fence.end;
  }
  return text + page.slice(done);
}
