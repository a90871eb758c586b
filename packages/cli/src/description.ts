/** Something that a peer has told of itself: it may lack anything, and hold anything. */
export class Description {
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    this.#value = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  }

  text(key: string): string | undefined {
    const value = this.#value[key];
    return typeof value === "string" ? value : undefined;
  }

  number(key: string): number | undefined {
    const value = this.#value[key];
    return typeof value === "number" ? value : undefined;
  }

  flag(key: string): boolean {
    return this.#value[key] === true;
  }

  /** Any JSON but null; undefined where there is none. */
  json(key: string): unknown {
    return this.#value[key] ?? undefined;
  }

  list(key: string): Description[] {
    const value = this.#value[key];
    return Array.isArray(value) ? value.map((one) => new Description(one)) : [];
  }
}

/** The task with which every provider and coordinator tells what it serves and how it does. */
export const describeTask = "acomm.describe";
