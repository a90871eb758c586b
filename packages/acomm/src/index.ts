// everything, so that no name is forgotten: what stands in two packages must be the same thing, or the compiler refuses it
export * from "@acomm/coordinator";
export * from "@acomm/multirequest";
export * from "@acomm/protocol";
export * from "@acomm/provider";
export * from "@acomm/tracker";
export * from "@acomm/transport";
