/** Captions and subtitles of the broadcast: the text tracks of the video element, whichever engine made them. */

export interface Caption {
  /** Of the element's text tracks. */
  readonly index: number;
  /** As the broadcast calls it, else its language; empty where neither is known. */
  readonly name: string;
  readonly isShown: boolean;
}

/** The part of `TextTrack` that is used. */
type Track = Pick<TextTrack, "kind" | "label" | "language" | "mode">;

function tracksOf(list: ArrayLike<Track>): readonly (readonly [number, Track])[] {
  return [...Array.from(list).entries()].filter(
    ([, { kind }]) => kind === "captions" || kind === "subtitles",
  );
}

export function captionsOf(list: ArrayLike<Track>): Caption[] {
  return tracksOf(list).map(([index, { label, language, mode }]) => ({
    index,
    name: label === "" ? language : label,
    isShown: mode === "showing",
  }));
}

/** Shows one, and no other; -1 shows none. */
export function chooseCaptions(list: ArrayLike<Track>, index: number): void {
  for (const [at, track] of tracksOf(list)) track.mode = at === index ? "showing" : "disabled";
}
