import { setMaxListeners } from "node:events";

/** An abort controller whose signal thousands may listen to without a warning. */
export function abortControllerOfMany(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
