/** Captions and subtitles of the broadcast: the text tracks of the video element, whichever engine made them. */

/** Captions or subtitles that the viewer can have shown. */
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

function nameOf({ label, language }: Track): string {
  return label === "" ? language : label;
}

/** The captions and subtitles among an element's text tracks, in their order there. */
export function captionsOf(list: ArrayLike<Track>): Caption[] {
  return tracksOf(list).map(([index, track]) => ({
    index,
    name: nameOf(track),
    isShown: track.mode === "showing",
  }));
}

/** Shows those that are called so, if there are any: what the viewer chose before these tracks came. */
export function chooseNamed(list: ArrayLike<Track>, name: string): void {
  const found = tracksOf(list).find(([, track]) => nameOf(track) === name);
  if (found !== undefined) chooseCaptions(list, found[0]);
}

/** Shows one, and no other; -1 shows none. */
export function chooseCaptions(list: ArrayLike<Track>, index: number): void {
  for (const [at, track] of tracksOf(list)) track.mode = at === index ? "showing" : "disabled";
}
