/** What people are told of a call that failed. */
import { ApiError } from "@common/api/client";

import { text } from "./text";

/**
 * Words for why a call failed, in the page's language: no answer, logged out, how many seconds to wait, else the
 * server's own. What is no `ApiError` is called unknown.
 */
export function wordsOfFailure(error: unknown): string {
  const { failure } = text.value;
  if (!(error instanceof ApiError)) return failure.unknown;
  if (error.retryAfterS !== undefined && (error.status === 429 || error.status === 503)) {
    return error.status === 429 ? failure.wait(error.retryAfterS) : failure.busy(error.retryAfterS);
  }
  switch (error.status) {
    case 0:
      return failure.noAnswer;
    case 401:
      return failure.loggedOut;
    case 429:
      return failure.waitAWhile;
    default:
      return error.message === "" ? failure.status(error.status) : error.message;
  }
}
