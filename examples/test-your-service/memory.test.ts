import { createRegistry, serve, Tracker } from "acomm";
import { createMemoryNetwork } from "acomm/testing";
import { expect, onTestFinished, test } from "vitest";

// #region memory
test("adds, without a socket", async () => {
  const network = createMemoryNetwork();
  const registry = createRegistry([network.transport]);
  const listener = network.createListener("adder");
  await listener.start();
  const service = serve<number[]>(listener, ({ args }) => args.reduce((sum, value) => sum + value, 0), { registry });
  const tracker = new Tracker({ registry });
  await tracker.start();
  onTestFinished(async () => {
    await tracker.stop();
    await service.stop();
    await registry.close();
  });

  expect(await tracker.request("memory://adder", { task: "add", args: [1, 2, 3] })).toBe(6);
  await expect(tracker.request("memory://nobody", { task: "add" })).rejects.toMatchObject({ code: "unavailable" });
});
// #endregion
