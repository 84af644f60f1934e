/**
 * Parts that are never wanted, told to hls.js as such.
 *
 * Playback may begin, or change its quality, in the middle of a segment, at an independent part; the parts before it
 * then stay unloaded. hls.js 1.7.4 looks up the segment to load next at the end of the buffer. Where that is a
 * microsecond short of the segment's end, which a rounded timestamp offset makes it every third time, hls.js finds the
 * same segment, sees parts that are missing, takes them for what is next, finds that they are already buffered, and
 * loads nothing: until they leave the playlist, five seconds later. A part marked as a gap (RFC 8216bis §4.4.4.9,
 * GAP=YES) is not waited for.
 */

/** What of hls.js's `Part` is used here. */
export interface Part {
  readonly index: number;
  readonly fragment: { readonly sn: number | "initSegment" };
  readonly loaded: boolean;
  gap: boolean;
}

/** Marks what precedes `next`, the part about to be loaded, in its segment and was not loaded. */
export function skipEarlier(parts: readonly Part[], next: Pick<Part, "index" | "fragment">): void {
  for (const part of parts) {
    if (part.fragment.sn === next.fragment.sn && part.index < next.index && !part.loaded) part.gap = true;
  }
}
