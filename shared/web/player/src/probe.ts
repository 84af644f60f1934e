/**
 * Asks an edge whether there is a broadcast to attach to.
 *
 * The multivariant playlist alone does not tell: a finished broadcast keeps its playlists for a while, closed by
 * EXT-X-ENDLIST (RFC 8216bis §4.4.3.4), and the next one appears under the same address. So the first media
 * playlist is read too. A player that is given only running broadcasts never starts at the end of an old one.
 */
import type { ProbeResult } from "./session";

/** An answer that takes longer is no answer; an edge may hold a playlist until it is playable. */
const ANSWER_WITHIN_MS = 15_000;

/** The first media playlist of a multivariant playlist (the URI line after EXT-X-STREAM-INF), if there is one. */
export function firstVariant(multivariant: string): string | undefined {
  const lines = multivariant.split(/\r?\n/u).map((line) => line.trim());
  if (lines[0] !== "#EXTM3U") return undefined;
  const at = lines.findIndex((line) => line.startsWith("#EXT-X-STREAM-INF:"));
  if (at < 0) return undefined;
  return lines.slice(at + 1).find((line) => line !== "" && !line.startsWith("#"));
}

/** Whether a media playlist is closed. */
export function hasEnded(media: string): boolean {
  return /^#EXT-X-ENDLIST\s*$/mu.test(media);
}

/** What a probe found, with the multivariant playlist of a running broadcast. */
export interface Found {
  readonly result: ProbeResult;
  readonly multivariant?: string;
  /** When an edge without room wants to be asked again. */
  readonly retryAfterMs?: number;
}

/** The header by which an edge tells that it has no room for more viewers; without it a 503 may have any reason. */
const FULL = "farcast-full";

/** What an answer without a playlist says. */
export function refused({ status, headers }: Pick<Response, "status" | "headers">): Found {
  if (status !== 503 || !headers.has(FULL)) return { result: fromStatus(status) };
  const seconds = Number.parseInt(headers.get("retry-after") ?? "", 10);
  return seconds > 0 ? { result: "full", retryAfterMs: seconds * 1_000 } : { result: "full" };
}

/** What a status other than success says: 404 and 410 that there is no broadcast, 401 and 403 that it is not for this viewer,
 * all else nothing. */
export function fromStatus(status: number): ProbeResult {
  if (status === 401 || status === 403) return "forbidden";
  return status === 404 || status === 410 ? "absent" : "unreachable";
}

type Fetch = (url: string, init: { signal: AbortSignal; cache: "no-store" }) => Promise<Response>;

/** Asks; never rejects. Cancelled by `signal` it answers `unreachable`. */
export async function probe(
  url: string,
  signal: AbortSignal,
  fetchText: Fetch = (target, init) => fetch(target, init),
): Promise<Found> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
  try {
    const answer = await fetchText(url, { signal: within, cache: "no-store" });
    if (!answer.ok) return refused(answer);
    const multivariant = await answer.text();
    const variant = firstVariant(multivariant);
    if (variant === undefined) return { result: "absent" };
    const media = await fetchText(new URL(variant, url).href, { signal: within, cache: "no-store" });
    if (!media.ok) return { result: fromStatus(media.status) };
    return hasEnded(await media.text()) ? { result: "ended" } : { result: "live", multivariant };
  } catch {
    return { result: "unreachable" };
  }
}
