import { expect, test } from "vitest";

import { de } from "../text/de";
import { en } from "../text/en";
import { wordsFor } from "./notice";

const fine = { isSlow: false, isOnline: true, isAnswered: true };

test("a device without network is told so, but only where that is what is missing", () => {
  const gone = { isSlow: true, isOnline: false, isAnswered: false };
  for (const phase of ["connecting", "buffering", "reconnecting"] as const) {
    expect(wordsFor(en.player, { ...gone, phase }).state, phase).toBe(en.player.noNetwork);
  }
  for (const phase of ["playing", "ended", "offline", "undecodable"] as const) {
    expect(wordsFor(en.player, { ...gone, phase }), phase).toEqual(wordsFor(en.player, { ...fine, phase }));
  }
});

test("what takes too long is explained: the server is away, or the broadcaster is", () => {
  for (const phase of ["buffering", "reconnecting"] as const) {
    expect(wordsFor(en.player, { ...fine, phase }).hint).toBeUndefined();
    expect(wordsFor(en.player, { ...fine, phase, isSlow: true }).hint).toMatch(/broadcaster/u);
    const lost = wordsFor(en.player, { ...fine, phase, isSlow: true, isAnswered: false });
    expect(lost.state).toBe(en.player.reconnecting);
    expect(lost.hint).toMatch(/server/u);
  }
});

test("what does not pass by itself says at once what one can do, in every language", () => {
  for (const { player } of [en, de]) {
    for (const phase of ["unsupported", "undecodable"] as const) {
      const words = wordsFor(player, { ...fine, phase });
      expect(words.hint).toMatch(/VLC/u);
      expect(words.offersAddress).toBe(true);
    }
    expect(wordsFor(player, { ...fine, phase: "forbidden" }).hint).toBeTruthy();
    expect(wordsFor(player, { ...fine, phase: "full" }).hint).toBeTruthy();
  }
});
