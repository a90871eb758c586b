/** How many changes of a letter a name may be away to be proposed, by its length: a third of it, at most two. */
const maxDistance = 2;
/** Longer names are not compared: what somebody mistypes is short. */
const maxComparedLength = 64;

/** @internal The names that somebody may have meant who wrote `name`, the nearest first, at most `count`. */
export function nearNames(name: string, names: Iterable<string>, count = 3): string[] {
  if (name.length > maxComparedLength) return [];
  const limit = Math.min(Math.ceil(name.length / 3), maxDistance);
  const written = name.toLowerCase();
  const near: { readonly name: string; readonly distance: number }[] = [];
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) > limit || candidate.length > maxComparedLength) continue;
    const distance = editDistance(written, candidate.toLowerCase());
    if (distance <= limit) near.push({ name: candidate, distance });
  }
  return near.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1)).slice(0, count).map((found) => found.name);
}

/** How many letters must be put in, taken out, replaced, or swapped with the next, to make one text of the other. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const now = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (last[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      let best = Math.min(replaced, (last[column] ?? 0) + 1, (now[column - 1] ?? 0) + 1);
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (isSwap) best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      now.push(best);
    }
    beforeLast = last;
    last = now;
  }
  return last[to.length] ?? 0;
}
