import { AckPolicy, JetStreamApiCodes, JetStreamApiError, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { nanos } from "@nats-io/transport-node";
import { translateNatsError } from "./nats-error.ts";

/** How a server keeps what is sent to a durable listener. */
export interface StoreOptions {
  /** How long the same id is known, so that what is sent again is stored once, in milliseconds. */
  readonly duplicateWindowMs: number;
  /** After how long without a word of it a message that was handed out is handed out again, in milliseconds. */
  readonly ackWaitMs: number;
  /** How often a message is handed out. */
  readonly maxDeliveries: number;
  /** How many may be handed out at once. */
  readonly maxInFlight: number;
}

/** What stored subjects begin with, so that nobody sends there who does not know that it is stored. */
export const storedPrefix = "acomm.durable.";
/** The one consumer of a store; all listeners share it. */
export const consumerName = "acomm";

/** The name of the stream in which the messages of a subject are kept. */
export function storeName(subject: string): string {
  return `acomm-${subject.replace(/[^A-Za-z0-9_]/g, (sign) => (sign === "." ? "-" : `=${sign.codePointAt(0)?.toString(16) ?? ""}=`))}`;
}

/** Makes the store of a subject where there is none. @throws `unavailable`, also where the server has no JetStream */
export async function openStore(connection: NatsConnection, subject: string, options: StoreOptions): Promise<void> {
  const name = storeName(subject);
  try {
    const manager = await jetstreamManager(connection);
    try {
      await manager.streams.info(name);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== JetStreamApiCodes.StreamNotFound) throw error;
      await manager.streams.add({ name, subjects: [storedPrefix + subject], retention: RetentionPolicy.Workqueue, storage: StorageType.File, duplicate_window: nanos(options.duplicateWindowMs) });
    }
    await manager.consumers.add(name, {
      durable_name: consumerName,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(options.ackWaitMs),
      max_deliver: options.maxDeliveries,
      max_ack_pending: options.maxInFlight,
    });
  } catch (error) {
    throw translateNatsError(error, `store the messages of ${subject}`);
  }
}
