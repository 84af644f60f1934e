/**
 * The server's owner in the chat: who is logged in on the admin page in this browser says who moderates. The cookie of that login
 * shows who it is, and the server alone decides by it; pages of everybody else ask for nothing.
 */
import { computed, signal } from "@preact/signals";

import { ApiError, get, post } from "@common/api/client";
import { mayBeLoggedIn } from "@common/login";

/** What the session shows with each change; none where nobody is logged in. */
const token = signal<string | undefined>(undefined);
/** Whether the owner is logged in here, as far as was asked. */
export const isOwner = computed(() => token.value !== undefined);

const shown = (): { headers: Record<string, string> } => ({ headers: { "X-CSRF-Token": token.value ?? "" } });

/** Asks whether the owner is logged in here, where that may be. */
export async function look(): Promise<void> {
  if (!mayBeLoggedIn()) {
    token.value = undefined;
    return;
  }
  try {
    const session = await get("/api/admin/session", shown());
    token.value = session.loggedIn ? session.csrfToken : undefined;
  } catch {
    // This edge does not pass the admin's calls on, or cannot now.
    token.value = undefined;
  }
}

/** Lets a user moderate, or not any more. */
export async function setModerator(userId: string, isModerator: boolean): Promise<void> {
  const send = (): Promise<unknown> =>
    post("/api/admin/chat/users/setmoderator", { userId, isModerator }, shown());
  try {
    await send();
  } catch (error) {
    // Another tab may have logged in anew: then another token holds.
    if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) throw error;
    await look();
    await send();
  }
}
