import { AcommError, asksOf, socketPathOf } from "@acomm/protocol";
import type { AcommUrl, Request } from "@acomm/protocol";
import type { TargetPolicy } from "@acomm/transport";
import { stat } from "node:fs/promises";
import { join, normalize } from "node:path";
import { forbidden, policyOf, refuseUnlessAdmitted, requireAdmitted } from "./allow-list.ts";
import type { CoordinatorAdmissions } from "./coordinator-options.ts";

/** What an {@link Admission} works with. */
export interface AdmissionInit {
  readonly admit: CoordinatorAdmissions;
  readonly socketDir: string;
  /** The coordinator's own socket. */
  readonly socketPath: string;
  /** The `host:port` by which its own door is reached; empty where it has none. */
  readonly ownHosts: () => readonly string[];
  readonly maxHops: number;
}

/** Decides what of a request's URLs may be opened, and that no request goes round in a circle. */
export class Admission {
  /** Hooks of http(s). */
  readonly hooks: TargetPolicy;
  readonly #init: AdmissionInit;
  readonly #streams: TargetPolicy;
  readonly #taskUrls: TargetPolicy;

  /** @throws `bad_field` */
  constructor(init: AdmissionInit) {
    this.#init = init;
    this.hooks = policyOf(init.admit.hooks, "admit.hooks");
    this.#streams = policyOf(init.admit.streams, "admit.streams");
    this.#taskUrls = policyOf(init.admit.taskUrls, "admit.taskUrls");
  }

  /**
   * Refuses, as far as it can be told at once, a request whose URLs may not be opened. One from outside can't name what is
   * inside: unix hooks and unix streams are for those who are on this machine.
   *
   * @throws `forbidden_target`, `undeliverable` where it has gone through too many coordinators
   */
  check(request: Request, isOutside: boolean): void {
    const { responseHook, streamUrl, taskUrl, ext } = request;
    if (ext !== undefined && "hops" in ext) this.#checkHops(request);
    if (responseHook !== null) {
      if (responseHook.protocol === "unix:") {
        if (isOutside) throw forbidden(responseHook, "response", "a caller from outside has no sockets here");
      } else if (ext?.["reply"] !== true) {
        refuseUnlessAdmitted(this.hooks, responseHook, "response"); // else it is answered on its connection
      }
    }
    if (streamUrl !== null) {
      if (streamUrl.protocol !== "unix:") refuseUnlessAdmitted(this.#streams, streamUrl, "stream");
      else if (isOutside) throw forbidden(streamUrl, "stream", "a caller from outside has no sockets here");
    }
    if (taskUrl != null) {
      this.#refuseOwn(taskUrl);
      refuseUnlessAdmitted(this.#taskUrls, taskUrl, "task");
    }
  }

  /** @throws `forbidden_target` */
  async checkStream(url: AcommUrl): Promise<void> {
    await requireAdmitted(this.#streams, url, "stream");
  }

  /** Also looks where links lead. @throws `forbidden_target` */
  async checkTaskUrl(url: AcommUrl): Promise<void> {
    await requireAdmitted(this.#taskUrls, url, "task");
    if (url.protocol !== "unix:") return;
    const [own, there] = await Promise.all([stat(this.#init.socketPath).catch(() => undefined), stat(socketPathOf(url)).catch(() => undefined)]);
    if (own !== undefined && own.dev === there?.dev && own.ino === there.ino) throw forbidden(url, "task", "the coordinator would call itself");
  }

  /** Which coordinator is asked, and none else of what lies in its directory. */
  #refuseOwn(url: AcommUrl): void {
    const { socketDir, socketPath, ownHosts } = this.#init;
    if (url.protocol === "unix:") {
      const path = normalize(socketPathOf(url));
      if (path === socketPath) throw forbidden(url, "task", "the coordinator would call itself");
      if (path.startsWith(`${normalize(socketDir)}/`) && !path.startsWith(join(socketDir, "coordinator/"))) throw forbidden(url, "task", "a provider of this directory is called by the name of its task");
    } else if (ownHosts().includes(url.host)) {
      throw forbidden(url, "task", "the coordinator would call itself");
    }
  }

  #checkHops(request: Request): void {
    const { maxHops } = this.#init;
    const { hops = 0 } = asksOf(request);
    if (hops >= maxHops) throw new AcommError("undeliverable", `the request has gone through ${hops} coordinators, and at most ${maxHops} may pass it on (maxHops): do they point at one another?`);
  }
}
