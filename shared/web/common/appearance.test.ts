import { expect, test } from "vitest";

import { cornerPx, hardToRead, lookOf, NAMES } from "./appearance";
import type { Area, Tokens } from "./appearance";
import { colorOf, contrast } from "./color";

function contrastOf(tokens: Tokens, text: string, ground: string): number {
  const [one, other] = [colorOf(tokens[text] ?? ""), colorOf(tokens[ground] ?? "")];
  if (one === null || other === null) throw new Error(`${text} or ${ground} is missing`);
  return contrast(one, other);
}

const GROUNDS = [
  "#000000",
  "#10131c",
  "#1f2937",
  "#7c2d12",
  "#2557c9",
  "#8ab4ff",
  "#fde68a",
  "#f0fdf4",
  "#ffffff",
];
const ACTIONS = ["#15803d", "#22d3ee", "#facc15", "#ff00ff", "#111111", "#eeeeee"];

test("whatever ground and action are chosen, all that is derived can be read", () => {
  for (const ground of GROUNDS) {
    for (const action of ACTIONS) {
      const { page } = lookOf({ [NAMES.ground]: ground, [NAMES.action]: action });
      for (const on of ["--ground", "--surface", "--raised"]) {
        for (const text of ["--text", "--text-quiet", "--accent"]) {
          expect(contrastOf(page.tokens, text, on), `${text} on ${on}, ${ground}, ${action}`).toBeGreaterThan(
            4.3,
          );
        }
      }
      expect(contrastOf(page.tokens, "--on-accent", "--accent-ground")).toBeGreaterThan(4.5);
    }
  }
});

test("a ground decides between light and dark, an action colour does not", () => {
  expect(lookOf({ [NAMES.ground]: "#1f2937" }).page.ground).toBe("dark");
  expect(lookOf({ [NAMES.content]: "#fdf6e3" }).page.ground).toBe("light");
  expect(lookOf({ [NAMES.text]: "#e5e7eb" }).page.ground).toBe("dark");
  const { page, on } = lookOf({ [NAMES.action]: "#22d3ee" });
  expect(page).toEqual({ ground: null, tokens: {} });
  expect(on.dark["--accent"]).toBe("#22d3ee");
  expect(
    contrast(colorOf(on.light["--accent"] ?? "") ?? expect.fail(), { red: 255, green: 255, blue: 255 }),
  ).toBeGreaterThan(4.5);
});

test("header and chat are areas of their own only where they have a colour", () => {
  const { header, chat } = lookOf({ [NAMES.chat]: "#0b1220", [NAMES.headerText]: "#fff" });
  expect(header).toEqual({ ground: null, tokens: {} } satisfies Area);
  expect(chat.ground).toBe("dark");
  expect(chat.tokens["--surface"]).toBe("#0b1220");
  expect(lookOf({ [NAMES.chatText]: "#eeeeee" }).chat.ground).toBe("dark");
});

test("nothing given changes nothing, and what is no colour is passed over", () => {
  const nothing = lookOf({});
  expect(nothing).toEqual(lookOf({ [NAMES.ground]: "var(--x)", [NAMES.corners]: "1vw", other: "red" }));
  expect([nothing.page.tokens, nothing.on.light, nothing.on.dark]).toEqual([{}, {}, {}]);
});

test("corners are pixels, within bounds", () => {
  expect([cornerPx("12px"), cornerPx("0"), cornerPx("999px"), cornerPx("1rem"), cornerPx(undefined)]).toEqual(
    [12, 0, 40, null, null],
  );
  expect(lookOf({ [NAMES.corners]: "10px" }).page.tokens).toEqual({
    "--radius-small": "6px",
    "--radius": "10px",
    "--radius-large": "16px",
  });
});

test("texts that the owner chose and nobody can read are told", () => {
  const found = hardToRead({ [NAMES.ground]: "#ffffff", [NAMES.text]: "#bbbbbb" });
  expect(found.map(({ text, on }) => [text, on])).toEqual([["text", "ground"]]);
  expect(found[0]?.contrast).toBeCloseTo(1.92, 1);
  expect(hardToRead({ [NAMES.action]: "#ffff00", [NAMES.actionText]: "#ffffff" })).toHaveLength(1);
  expect(hardToRead({ [NAMES.action]: "#ffff00", [NAMES.ground]: "#ffffff" })).toEqual([]);
  expect(hardToRead({ [NAMES.actionText]: "#ffff00" })).toEqual([]);
});
