/**
 * Where viewers find the server. Edges serve viewers at the address at which they show this page; the origin's own address, to which
 * an owner goes for a backup, has this page only.
 */
import { signal } from "@preact/signals";

import { ApiError, get } from "@common/api/client";

/** Whether viewers are served at this page's own address; null until that is known. */
export const servesViewers = signal<boolean | null>(null);

/** What viewers' pages read (`/api/config`) is answered by edges only: at the origin it is not found. */
export function isServed(failure: unknown): boolean | null {
  if (failure === undefined) return true;
  if (!(failure instanceof ApiError) || failure.status === 0 || failure.status >= 500) return null;
  return failure.status !== 404;
}

/**
 * Asks for `/api/config` and sets `servesViewers` by the answer; a failure is an answer as well, and nothing is
 * thrown.
 */
export async function askWhoIsServed(): Promise<void> {
  const failure: unknown = await get("/api/config").then(
    () => undefined,
    (error: unknown) => error,
  );
  servesViewers.value = isServed(failure);
}

/** The address of the viewer page, without a slash at its end: the public one that the owner set, else this page's, if it is one. */
export function viewerAddress(
  publicUrl: string,
  isServedHere: boolean | null,
  here: string,
): string | undefined {
  if (/^https?:\/\//iu.test(publicUrl)) return publicUrl.replace(/\/+$/u, "");
  return isServedHere === false ? undefined : here;
}
