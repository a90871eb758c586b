/** @internal What a {@link LinkedList} holds, in one list at a time; the fields are the list's own, undefined at first. */
export interface Linked<Item> {
  list: object | undefined;
  previous: Item | undefined;
  next: Item | undefined;
}

/**
 * Things that come and go all the time, in the order in which they came. What has left points to nothing and nothing to it, so that
 * it is collected soon. A set makes a new table from time to time and the old one points to the new one: where one of these has grown
 * old, what is in those after it stays until the next full collection.
 */
export class LinkedList<Item extends Linked<Item>> {
  #first: Item | undefined;
  #last: Item | undefined;
  #size = 0;

  get first(): Item | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds one that is in no list. */
  add(item: Item): void {
    const last = this.#last;
    item.list = this;
    item.previous = last;
    if (last === undefined) this.#first = item;
    else last.next = item;
    this.#last = item;
    this.#size += 1;
  }

  /** Takes one out; false where it isn't in. */
  delete(item: Item): boolean {
    if (item.list !== this) return false;
    const { previous, next } = item;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    item.list = item.previous = item.next = undefined;
    this.#size -= 1;
    return true;
  }

  /** All, the oldest first, as they are now. */
  values(): Item[] {
    const items: Item[] = [];
    for (let item = this.#first; item !== undefined; item = item.next) items.push(item);
    return items;
  }
}
