/** A coordinator that a group may call, as a program of its own: the command has no option for that. */
import { Coordinator } from "acomm";

// #region door
const coordinator = new Coordinator({ socketDir: process.env["ACOMM_SOCKET_DIR"] ?? "/run/acomm", group: process.getgid?.() });
await coordinator.start();
process.once("SIGTERM", () => void coordinator.stop({ graceMs: 20_000 }));
console.log("ready");
// #endregion
