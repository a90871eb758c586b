import type { StreamSource } from "../../stream-writer.ts";
import type { Listener, Transport } from "../../transport.ts";
import { ComplianceBench } from "./bench.ts";
import { faultCases } from "./fault-cases.ts";
import { lifeCases } from "./life-cases.ts";
import { messageCases } from "./message-cases.ts";
import { streamCases } from "./stream-cases.ts";

/** A stream that waits for its one reader. */
export interface ComplianceStream {
  readonly url: URL;
  /** Settles when it was read to its end; fails where its source did, or its reader left. */
  readonly done: Promise<void>;
}

/** A transport and the listeners that it reaches, for one case. Its disposal clears away what is its own, such as a directory. */
export interface ComplianceNetwork extends AsyncDisposable {
  readonly transport: Transport;
  /** A listener at an address of its own, not started. */
  createListener(): Listener;
  /** Serves a source to one reader; only where the scheme has streams, and a reader can tell one that was cut. */
  serveStream?(source: StreamSource): Promise<ComplianceStream>;
  /** What is there yet when everything was stopped, such as the names of files. It should be nothing. */
  left?(): Promise<readonly string[]>;
}

/** What is put to the test. */
export interface ComplianceSubject {
  /** Makes a network of its own for a case, whose transport and listeners take frames of so many bytes. */
  open(limits: { readonly maxFrameBytes: number }): Promise<ComplianceNetwork>;
}

/** One thing that a transport must do. */
export interface ComplianceCase {
  readonly name: string;
  /** Rejects with an `AssertionError` where the transport doesn't do it. Ends within some seconds. */
  readonly run: () => Promise<void>;
}

/** What a case does with the bench that it is given. */
export type CaseBody = (bench: ComplianceBench) => Promise<void>;

/**
 * What every transport must do, as cases for any test runner: messages and their acknowledgements, answers on the connection,
 * order, back-pressure, limits, cancellation, peers that vanish, streams, stopping, and that nothing is left behind.
 */
export function transportCompliance(subject: ComplianceSubject): readonly ComplianceCase[] {
  return Object.entries({ ...messageCases, ...faultCases, ...streamCases, ...lifeCases }).map(([name, body]) => ({
    name,
    async run() {
      const bench = new ComplianceBench(await subject.open({ maxFrameBytes: ComplianceBench.maxFrameBytes }));
      try {
        await body(bench);
      } finally {
        await bench.close();
      }
    },
  }));
}
