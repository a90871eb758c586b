export * from "@acomm/transport-testing";
