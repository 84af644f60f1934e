import { expect, test } from "vitest";

import { captionsOf, chooseCaptions, chooseNamed } from "./captions";

const tracks = () => [
  { kind: "metadata" as const, label: "", language: "", mode: "hidden" as const as TextTrackMode },
  { kind: "captions" as const, label: "English", language: "en", mode: "disabled" as TextTrackMode },
  { kind: "subtitles" as const, label: "", language: "de", mode: "showing" as TextTrackMode },
];

test("captions are listed by what they are called, and metadata is none", () => {
  expect(captionsOf(tracks())).toEqual([
    { index: 1, name: "English", isShown: false },
    { index: 2, name: "de", isShown: true },
  ]);
});

test("one is shown at a time, or none, and metadata is left alone", () => {
  const list = tracks();
  chooseCaptions(list, 1);
  expect(list.map(({ mode }) => mode)).toEqual(["hidden", "showing", "disabled"]);
  chooseCaptions(list, -1);
  expect(list.map(({ mode }) => mode)).toEqual(["hidden", "disabled", "disabled"]);
});

test("what was chosen earlier is shown by its name, and nothing changes where it is not there", () => {
  const list = tracks();
  chooseNamed(list, "English");
  expect(list.map(({ mode }) => mode)).toEqual(["hidden", "showing", "disabled"]);
  chooseNamed(list, "Français");
  expect(list.map(({ mode }) => mode)).toEqual(["hidden", "showing", "disabled"]);
});
