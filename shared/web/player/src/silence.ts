/**
 * Notices an edge that says nothing any more: packets that vanish are no error until a timeout, long after the buffer is empty.
 *
 * A broadcaster who pauses is silent as well, at every edge. So silence is only a reason to ask: the edge is left if it does not
 * answer, or says that it has lost its origin, while the next one has new media.
 */

/** With new parts three times a second, nothing for so long is odd. */
export const SILENT_MS = 1_000;
/** So many parts, or segments where there are none, may come late where they are longer. */
const LATE = 2;
/** Asked again after so long where the edge answered: when a broadcaster pauses, all viewers ask. */
export const ASK_APART_MS = 5_000;
/** An edge that is there answers within this time. */
export const ANSWERS_WITHIN_MS = 1_000;

/** Whether it is time to ask. Media comes every `apartS` seconds. */
export function isOdd(heardAtMs: number, askedAtMs: number, nowMs: number, apartS: number): boolean {
  const isSilent = nowMs - heardAtMs >= Math.max(SILENT_MS, LATE * apartS * 1_000);
  return isSilent && nowMs - askedAtMs >= ASK_APART_MS;
}

type Fetch = (url: string, init: RequestInit) => Promise<{ readonly ok: boolean }>;

/** Whether an edge answers, and is linked to its origin; never rejects. */
export async function isReady(
  origin: string,
  fetchAny: Fetch = (url, init) => fetch(url, init),
): Promise<boolean> {
  try {
    const answer = await fetchAny(`${origin}/readyz/media`, {
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
    });
    return answer.ok;
  } catch {
    return false;
  }
}
