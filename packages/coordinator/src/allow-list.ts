import { AcommError, parseUrl, socketPathOf } from "@acomm/protocol";
import type { AcommUrl } from "@acomm/protocol";
import { admitTargets } from "@acomm/transport";
import type { TargetPolicy, TargetPurpose } from "@acomm/transport";

/**
 * Which URLs out of messages may be opened: origins such as `https://example.com`, which stand for all their paths, sockets
 * such as `unix:///run/b/coordinator/main.sock`, directories of sockets, which end with a slash; or a policy of your own.
 */
export type AllowList = readonly (string | URL)[] | TargetPolicy;

/** The policy of a list; of none it admits nothing. @throws `bad_field` naming the entry */
export function policyOf(list: AllowList | undefined, field: string): TargetPolicy {
  if (list === undefined) return () => false;
  if (typeof list === "function") return list;
  const origins: URL[] = [];
  const socketDirectories: string[] = [];
  const sockets = new Set<string>();
  for (const [index, entry] of list.entries()) {
    const name = `${field}[${index}]`;
    const url = parseUrl(entry, { field: name });
    if (url.protocol === "unix:") {
      const path = socketPathOf(url);
      if (path.endsWith("/")) socketDirectories.push(path);
      else sockets.add(path);
    } else if (url.pathname !== "/" || url.search !== "") {
      throw new AcommError("bad_field", `${name} has a path, but an origin stands for all of its paths: write ${url.origin}`);
    } else {
      origins.push(url);
    }
  }
  const admits = admitTargets({ origins, socketDirectories });
  return (url, purpose) => {
    if (url.protocol === "unix:" && (socketDirectories.length === 0 || sockets.has(socketPathOf(url)))) return sockets.has(socketPathOf(url));
    return admits(url, purpose);
  };
}

/**
 * Refuses a URL at once where the policy says no at once; one that takes its time is asked again before the URL is opened.
 *
 * @throws `forbidden_target`
 */
export function refuseUnlessAdmitted(policy: TargetPolicy, url: AcommUrl, purpose: TargetPurpose): void {
  let isAdmitted: boolean | Promise<boolean> = false;
  try {
    isAdmitted = policy(url, purpose);
  } catch {
    // a policy that fails admits nothing
  }
  if (isAdmitted === false) throw forbidden(url, purpose);
  if (isAdmitted !== true) isAdmitted.catch(() => undefined);
}

/** Asks the policy before the URL is opened. @throws `forbidden_target` */
export async function requireAdmitted(policy: TargetPolicy, url: AcommUrl, purpose: TargetPurpose): Promise<void> {
  let isAdmitted = false;
  try {
    isAdmitted = await policy(url, purpose);
  } catch {
    // a policy that fails admits nothing
  }
  if (!isAdmitted) throw forbidden(url, purpose);
}

const options: Readonly<Record<TargetPurpose, readonly [what: string, option: string]>> = { response: ["response hook", "admit.hooks"], stream: ["stream", "admit.streams"], task: ["task URL", "admit.taskUrls"] };

/** The error of a URL that may not be opened; it names no path. */
export function forbidden(url: AcommUrl, purpose: TargetPurpose, why?: string): AcommError {
  const [what, option] = options[purpose];
  return new AcommError("forbidden_target", `the ${what} at ${url.protocol}//${url.host} is not opened: ${why ?? `name it in ${option} of the coordinator`}`);
}
