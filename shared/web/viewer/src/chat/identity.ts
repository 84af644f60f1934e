/**
 * Who the viewer is in the chat: an access token that the server gave once. It is kept under the name that Owncast's page uses,
 * so who chatted there is the same person here; and it is sent to the server only.
 */
import { ApiError, post } from "@common/api/client";
import { recall, remember } from "@common/storage";

const KEY = "accessToken";

/** The access token that was kept in this browser; undefined where none was. */
export function knownToken(): string | undefined {
  return recall(KEY);
}

/** Forgets the access token: the viewer comes as somebody new. */
export function forgetToken(): void {
  remember(KEY, undefined);
}

/** A new user of the server's, whom all edges know; `base` is that of the edge to ask. */
export async function register(base: string): Promise<string> {
  const { accessToken } = await post("/api/chat/register", {}, { base });
  remember(KEY, accessToken);
  return accessToken;
}

/** What a failed registration means: this network is shut out, or too many come at once, or the server is away. */
export function refusal(error: unknown): "refused" | "crowded" | "away" {
  const status = error instanceof ApiError ? error.status : 0;
  if (status === 401 || status === 403) return "refused";
  return status === 429 ? "crowded" : "away";
}
