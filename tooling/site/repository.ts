import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The root of the repository. Paths that are called files below are relative to it, with slashes. */
export const root: string = join(import.meta.dirname, "..", "..");

export const read = (file: string): string => readFileSync(join(root, file), "utf8");
export const exists = (file: string): boolean => existsSync(join(root, file));
export const isDirectory = (file: string): boolean => statSync(join(root, file)).isDirectory();

/** What is in a directory and is the project's own, in the order of names, with a slash behind directories. */
export function list(directory: string): string[] {
  return readdirSync(join(root, directory), { withFileTypes: true })
    .filter(({ name }) => !/^(?:node_modules|dist|coverage|\..*)$/.test(name))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort();
}
