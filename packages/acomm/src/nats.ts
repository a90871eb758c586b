export * from "@acomm/transport-nats";
