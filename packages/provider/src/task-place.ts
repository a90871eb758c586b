import { providerSocketPath, taskAddress } from "@acomm/tracker";
import { admitTargets, UnixListener } from "@acomm/transport";
import type { Listener, ServiceNetwork, StreamServer, TargetPolicy, UnixListenerOptions } from "@acomm/transport";

/** One place where a task takes requests. */
export interface TaskPlace {
  readonly listener: Listener;
  /** Serves the streams of those who call here. */
  readonly streams: StreamServer;
  /** Where those who call here may be answered. */
  readonly admit: TargetPolicy;
}

/** A directory in which each task has its socket. */
export interface DirectoryPlace {
  readonly socketDir: string;
  readonly listener: UnixListenerOptions | undefined;
  readonly streams: StreamServer;
  readonly admit: TargetPolicy;
}

/** The socket of a task. @throws `bad_field`, `unknown_task`, `bad_address` */
export function placeInDirectory({ socketDir, listener, streams, admit }: DirectoryPlace, task: string, priority: number, provider: string): TaskPlace & { readonly listener: UnixListener } {
  return { listener: new UnixListener(providerSocketPath(socketDir, { task, priority, provider }), listener), streams, admit };
}

/** The addresses of a task on a network: the one that it shares with all who serve it, and its own. @throws `bad_field`, `unknown_task`, `bad_address` */
export function placesOnNetwork(network: ServiceNetwork, task: string): { readonly shared: TaskPlace; readonly own: TaskPlace } {
  const admit = admitOnNetwork(network);
  const place = (address?: string): TaskPlace => ({ listener: network.createListener(address), streams: network, admit });
  return { shared: place(taskAddress(task)), own: place() };
}

/** Who calls on this machine is answered on it, or on the network that its provider is on as well: a coordinator passes on what came from there. */
export function admitInDirectory(network: ServiceNetwork | undefined): TargetPolicy {
  return admitTargets({ schemes: network?.transport.schemes });
}

/** Who calls over a network is answered there: a socket of this machine is not theirs. */
export function admitOnNetwork({ transport }: ServiceNetwork): TargetPolicy {
  return admitTargets({ socketDirectories: [], schemes: transport.schemes });
}
