import { createResponse } from "@acomm/protocol";
import type { AcommError, Request, Response } from "@acomm/protocol";

/**
 * The response to a request that got none. Where it surely did not run its caller is told so, which only the one who tried
 * can say.
 */
export function failureResponse(request: Pick<Request, "id">, error: AcommError): Response {
  const response = createResponse(request, { error });
  if (!error.retryable) return response;
  return { ...response, failure: { cause: [], ...response.failure, code: error.code, retryable: true } };
}
