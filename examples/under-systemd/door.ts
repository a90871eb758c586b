/** A coordinator that a group may call, as a program of its own: the command has no option for that. */
import { Coordinator } from "acomm";

// #region door
const coordinator = new Coordinator({ socketDir: process.env["ACOMM_SOCKET_DIR"] ?? "/run/acomm", group: process.getgid?.() });
await coordinator.start();
console.log("ready");
process.once("SIGTERM", () => void coordinator.stop({ graceMs: 20_000 }));
// #endregion
