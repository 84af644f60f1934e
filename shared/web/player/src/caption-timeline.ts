/**
 * Captions in the picture (CEA-608) across the parts of a segment. hls.js 1.7.4 takes every part but the first of a segment for a
 * jump and begins to read anew there, so that no line of captions that is longer than a part ever comes to its end.
 */
import Hls from "hls.js";
import type { Events, FragLoadingData, HlsConfig } from "hls.js";

/** Where a part or a segment is. */
export interface Position {
  readonly sn: number | string;
  readonly continuity: number;
  readonly part: number | undefined;
}

/** Whether `next` is the part after `last`, of the same segment. */
export function isNextPart(last: Position | undefined, next: Position): boolean {
  if (last?.part === undefined || next.part === undefined) return false;
  return next.sn === last.sn && next.continuity === last.continuity && next.part === last.part + 1;
}

/** What is used of hls.js's own class, which hides it. */
interface Timeline {
  onFragLoading(event: Events.FRAG_LOADING, data: FragLoadingData): void;
}

const Base = Hls.DefaultConfig.timelineController as unknown as new (hls: Hls) => Timeline;

class CaptionTimeline extends Base {
  private last: Position | undefined;

  override onFragLoading(event: Events.FRAG_LOADING, data: FragLoadingData): void {
    const { frag, part } = data;
    const next = { sn: frag.sn, continuity: frag.cc, part: part?.index };
    const isNext = isNextPart(this.last, next);
    this.last = next;
    if (!isNext) super.onFragLoading(event, data);
  }
}

/**
 * For `timelineController` of hls.js's configuration: its own class, which goes on reading captions from part to
 * part.
 */
export const captionTimeline = CaptionTimeline as unknown as NonNullable<HlsConfig["timelineController"]>;
