/** What is tried, each with a directory of its own; it throws where the runtime can't do it. */
export type Features = Readonly<Record<string, (directory: string) => Promise<void>>>;
