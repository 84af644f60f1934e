import { expect, test } from "vitest";

import { CaptionTracks, MAX_CUES } from "./caption-tracks";
import type { Tracked } from "./caption-tracks";

const cue = (startTime: number) => ({ startTime }) as VTTCue;

/** A text track as browsers have them: one that is disabled shows no list of cues. */
class Track {
  mode: TextTrackMode = "disabled";
  readonly kept: VTTCue[] = [];

  constructor(
    readonly kind: string,
    readonly label: string,
  ) {}

  get cues(): VTTCue[] | null {
    return this.mode === "disabled" ? null : this.kept;
  }

  addCue(added: VTTCue): void {
    this.kept.push(added);
  }

  removeCue(removed: VTTCue): void {
    this.kept.splice(this.kept.indexOf(removed), 1);
  }
}

function video(...textTracks: Track[]) {
  const addTextTrack = (kind: string, label: string): Track => {
    const made = new Track(kind, label);
    textTracks.push(made);
    return made;
  };
  return { textTracks, tracked: { textTracks, addTextTrack } as unknown as Tracked };
}

const nameOf = (track: string): string => track.toUpperCase();

test("a track comes with its first cues, hidden, and further cues join it", () => {
  const { textTracks, tracked } = video();
  const tracks = new CaptionTracks(tracked, nameOf);
  tracks.add("one", [cue(1)]);
  tracks.add("one", [cue(2)]);
  tracks.add("two", [cue(3)]);
  expect(textTracks.map(({ kind, label, mode, kept }) => [kind, label, mode, kept.length])).toEqual([
    ["captions", "ONE", "hidden", 2],
    ["captions", "TWO", "hidden", 1],
  ]);
});

test("an engine that is made anew goes on in the same track, as the viewer chose it, without cues of the old timeline", () => {
  const [shown, off, other] = [
    new Track("captions", "ONE"),
    new Track("captions", "TWO"),
    new Track("metadata", "ONE"),
  ];
  shown.mode = "showing";
  for (const track of [shown, off, other]) track.addCue(cue(100));
  const { textTracks, tracked } = video(other, shown, off);
  const tracks = new CaptionTracks(tracked, nameOf);
  tracks.add("one", [cue(1)]);
  tracks.add("two", [cue(2)]);
  expect(textTracks).toHaveLength(3);
  expect(shown.kept).toEqual([cue(1)]);
  expect(off.kept).toEqual([]);
  expect(other.kept).toEqual([cue(100)]);
  expect([shown.mode, off.mode]).toEqual(["showing", "disabled"]);
});

test("the oldest cues go", () => {
  const { textTracks, tracked } = video();
  const tracks = new CaptionTracks(tracked, nameOf);
  for (let at = 0; at <= MAX_CUES; at += 1) tracks.add("one", [cue(at)]);
  expect(textTracks[0]?.kept).toHaveLength(MAX_CUES);
  expect(textTracks[0]?.kept[0]).toEqual(cue(1));
});
