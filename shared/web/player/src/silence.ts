/**
 * Notices an edge that says nothing any more: packets that vanish are no error until a timeout, long after the buffer is empty.
 *
 * A broadcaster who pauses is silent as well, at every edge. So silence is only a reason to ask: the edge is left if it does not
 * answer a trifle while the next one does.
 */

/** With new parts three times a second, nothing for so long is odd. */
export const SILENT_MS = 1_000;
/** So many parts, or segments where there are none, may come late where they are longer. */
const LATE = 2;
/** Asked again after so long where the edge answered: when a broadcaster pauses, all viewers ask. */
export const ASK_APART_MS = 5_000;
/** An edge that is there answers a trifle within this time. */
export const ANSWERS_WITHIN_MS = 1_000;

/** Whether it is time to ask. Media comes every `apartS` seconds. */
export function isOdd(heardAtMs: number, askedAtMs: number, nowMs: number, apartS: number): boolean {
  const isSilent = nowMs - heardAtMs >= Math.max(SILENT_MS, LATE * apartS * 1_000);
  return isSilent && nowMs - askedAtMs >= ASK_APART_MS;
}

type Fetch = (url: string, init: RequestInit) => Promise<unknown>;

/** Whether an edge answers at all; never rejects. */
export async function answers(
  origin: string,
  fetchAny: Fetch = (url, init) => fetch(url, init),
): Promise<boolean> {
  try {
    await fetchAny(`${origin}/healthz`, {
      // Whatever it says: that it does is what counts.
      mode: "no-cors",
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
    });
    return true;
  } catch {
    return false;
  }
}
