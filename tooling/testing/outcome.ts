/** An AcommError, as a test sees it. */
type CodedError = Error & { readonly code: string };

function isCoded(error: unknown): error is CodedError {
  return error instanceof Error && error.name === "AcommError" && "code" in error;
}

/** The code of the AcommError that a promise rejects with; `fulfilled` where it doesn't. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "fulfilled";
  } catch (error) {
    if (isCoded(error)) return error.code;
    throw error;
  }
}

/** The AcommError that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<CodedError> {
  try {
    await promise;
  } catch (error) {
    if (isCoded(error)) return error;
    throw error;
  }
  throw new Error("the promise was fulfilled");
}

/** The AcommError that a function throws. */
export function thrownBy(action: () => unknown): CodedError {
  try {
    action();
  } catch (error) {
    if (isCoded(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
