import type { Listener, StreamSource, Transport } from "@acomm/transport";
import { ComplianceBench } from "./bench.ts";
import { faultCases } from "./fault-cases.ts";
import { lifeCases } from "./life-cases.ts";
import { messageCases } from "./message-cases.ts";
import { isSocket, resources, untilFreed } from "./resources.ts";
import { streamCases } from "./stream-cases.ts";

/** A stream that waits for its one reader. */
export interface ComplianceStream {
  /** Where its one reader finds it. */
  readonly url: URL;
  /** Settles when it was read to its end; fails where its source did, or its reader left. */
  readonly done: Promise<void>;
}

/** A transport and the listeners that it reaches, for one case. Its disposal clears away what is its own, such as a directory. */
export interface ComplianceNetwork extends AsyncDisposable {
  /** The transport that is tried. */
  readonly transport: Transport;
  /** A listener at an address of its own, not started. */
  createListener(): Listener;
  /** Serves a source to one reader; only with `streams`. */
  serveStream?(source: StreamSource): Promise<ComplianceStream>;
  /** What is there yet when everything was stopped, such as the names of files. It should be nothing. */
  left?(): Promise<readonly string[]>;
}

/**
 * What a transport can do beyond delivering messages and their acknowledgements: messages of one sender keep their `order`;
 * `answers` come back on the connection that asked (`call`); `probe` finds out who listens; `streams` are served and opened.
 */
export type ComplianceCapability = "order" | "answers" | "probe" | "streams";

/** What is put to the test. */
export interface ComplianceSubject {
  /** What it declares; cases that need anything else are left out, and a case finds out whether it is what the transport has. */
  readonly capabilities: readonly ComplianceCapability[];
  /** Makes a network of its own for a case, whose transport and listeners take frames of so many bytes. */
  open(limits: { readonly maxFrameBytes: number }): Promise<ComplianceNetwork>;
}

/** One thing that a transport must do. */
export interface ComplianceCase {
  /** What it shows, as the name of a test. */
  readonly name: string;
  /** Rejects with an `AssertionError` where the transport doesn't do it. Ends within some seconds. */
  readonly run: () => Promise<void>;
}

/** What a case does with the bench that it is given, and what it needs for that. */
export interface CaseBody {
  (bench: ComplianceBench): Promise<void>;
  readonly needs?: readonly ComplianceCapability[];
}

/**
 * What every transport must do, as cases for any test runner: messages and their acknowledgements, answers on the connection,
 * order, back-pressure, limits, cancellation, peers that vanish, streams, stopping, and that nothing is left behind.
 */
export function transportCompliance(subject: ComplianceSubject): readonly ComplianceCase[] {
  const { capabilities } = subject;
  const cases = Object.entries<CaseBody>({ ...messageCases, ...faultCases, ...streamCases, ...lifeCases });
  const able = cases.filter(([, { needs = [] }]) => needs.every((capability) => capabilities.includes(capability)));
  return able.map(([name, body]) => ({
    name,
    async run() {
      const before = resources(isSocket);
      const bench = new ComplianceBench(await subject.open({ maxFrameBytes: ComplianceBench.maxFrameBytes }), capabilities);
      try {
        await body(bench);
      } finally {
        await bench.close();
      }
      await untilFreed(before, isSocket);
    },
  }));
}
