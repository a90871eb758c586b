/** A queue in a ring of memory: what was taken leaves its place to what comes. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = new Array<Item | undefined>(16).fill(undefined);
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What was pushed last, undefined where there is none. */
  get newest(): Item | undefined {
    return this.#items[(this.#first + this.#size - 1) & (this.#items.length - 1)];
  }

  push(item: Item): void {
    if (this.#size === this.#items.length) this.#grow();
    this.#items[(this.#first + this.#size) & (this.#items.length - 1)] = item;
    this.#size += 1;
  }

  /** Takes the oldest, undefined where there is none. */
  shift(): Item | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#items.length - 1);
    this.#size -= 1;
    return item;
  }

  /** Takes all, the oldest first. */
  drain(): Item[] {
    const items: Item[] = [];
    while (this.#size > 0) items.push(this.shift() as Item);
    return items;
  }

  #grow(): void {
    const { length } = this.#items;
    const grown = new Array<Item | undefined>(length * 2).fill(undefined);
    for (let index = 0; index < length; index += 1) grown[index] = this.#items[(this.#first + index) & (length - 1)];
    this.#items = grown;
    this.#first = 0;
  }
}
