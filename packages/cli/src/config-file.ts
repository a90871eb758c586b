import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { ConfigFile } from "./setting.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Reads the configuration file: a JSON object whose keys are the long options of the commands.
 *
 * @param path where it is; where that is undefined, `$XDG_CONFIG_HOME/acomm/config.json` if it is there
 * @param knownKeys the keys of all commands: a file serves all of them
 * @throws UsageError that names what is wrong: no such file, no JSON object, an unknown key
 */
export async function readConfigFile(path: string | undefined, environment: Readonly<Record<string, string | undefined>>, knownKeys: ReadonlySet<string>): Promise<ConfigFile | undefined> {
  const file = path ?? usualPath(environment);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (path === undefined && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    throw new UsageError(`the configuration file ${file} can't be read (${code ?? "unknown reason"}): choose another with --config`);
  }
  const values = new Map(Object.entries(parseObject(text, file)));
  for (const key of values.keys()) {
    if (!knownKeys.has(key)) throw new UsageError(`the configuration file ${file} has an unknown key ${JSON.stringify(key)}: the keys are ${[...knownKeys].sort().join(", ")}`);
  }
  return { path: file, values };
}

function usualPath({ XDG_CONFIG_HOME: configHome }: Readonly<Record<string, string | undefined>>): string {
  return join(configHome !== undefined && isAbsolute(configHome) ? configHome : join(homedir(), ".config"), "acomm", "config.json");
}

function parseObject(text: string, file: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    const place = /at position \d+(?: \(line \d+ column \d+\))?/.exec((error as Error).message)?.[0];
    throw new UsageError(`the configuration file ${file} is not JSON${place === undefined ? "" : ` ${place}`}`);
  }
  throw new UsageError(`the configuration file ${file} must hold a JSON object, such as {"timeout": "10s"}`);
}
