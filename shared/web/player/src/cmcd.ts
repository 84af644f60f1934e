/**
 * What the player may tell the edge of how playback goes, with each request for media: Common Media Client Data version 1
 * (CTA-5004), which hls.js writes. Nothing in it names the viewer: `sid` is drawn anew with each view of the page.
 */
import type { CMCDControllerConfig } from "hls.js";

/** Off until edges read it. The server's own setting takes this constant's place. */
export const CMCD: { readonly isSent: boolean } = { isSent: false };

/** Bit rate and duration of what is asked for, what is buffered, starved or measured; no `cid`, no `nor`: edges know these. */
const KEYS = [
  "br",
  "bl",
  "bs",
  "d",
  "dl",
  "mtp",
  "ot",
  "pr",
  "rtp",
  "sf",
  "sid",
  "st",
  "su",
  "tb",
] as const satisfies CMCDControllerConfig["includeKeys"];

/** `sid` is random. Headers of its own make a request to another origin ask that origin first, so such get a query. */
export function cmcdConfig(playlist: string, page: string, sid: string): CMCDControllerConfig {
  const useHeaders = new URL(playlist, page).origin === new URL(page).origin;
  return { version: 1, sessionId: sid, useHeaders, includeKeys: [...KEYS] };
}
