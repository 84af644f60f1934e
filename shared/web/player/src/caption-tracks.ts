/**
 * Text tracks of the captions that are in the picture (CEA-608). hls.js reads them; the tracks are made here, because its own
 * each load an empty `data:` address, which the policy of the pages forbids.
 */

/** Most cues of a track that are kept: many minutes of speech. Viewers cannot go back any further. */
export const MAX_CUES = 500;

/** The part of a video element that is used. */
export type Tracked = Pick<HTMLVideoElement, "textTracks" | "addTextTrack">;

/**
 * The text tracks of a video element that have captions in the picture, one for each name; an engine gives the cues.
 */
export class CaptionTracks {
  constructor(
    private readonly video: Tracked,
    /** What a track of hls.js's is called, such as `CC1` for `textTrack1`. */
    private readonly nameOf: (track: string) => string,
  ) {
    // Cues of an engine before this one are of another timeline.
    for (const track of Array.from(video.textTracks)) if (track.kind === "captions") forget(track, 0);
  }

  /** Adds cues to a track, which is there from its first on, hidden unless the viewer chose it before. */
  add(track: string, cues: readonly VTTCue[]): void {
    const to = this.track(this.nameOf(track));
    // Nobody sees one that is switched off. Once it is chosen again it goes on with what comes then.
    if (to.mode === "disabled") return;
    for (const cue of cues) to.addCue(cue);
    forget(to, MAX_CUES);
  }

  private track(name: string): TextTrack {
    const known = Array.from(this.video.textTracks).find(
      ({ kind, label }) => kind === "captions" && label === name,
    );
    if (known !== undefined) return known;
    const made = this.video.addTextTrack("captions", name);
    made.mode = "hidden";
    return made;
  }
}

/** Leaves the newest cues, so many. */
function forget(track: TextTrack, kept: number): void {
  // A track that is switched off shows no list of its cues.
  const { mode } = track;
  if (mode === "disabled") track.mode = "hidden";
  const cues = Array.from(track.cues ?? []);
  for (const cue of cues.slice(0, Math.max(0, cues.length - kept))) track.removeCue(cue);
  if (track.mode !== mode) track.mode = mode;
}
