import { expect, test } from "vitest";

import { accept, complete, withCharacters } from "./complete";
import { UNICODE } from "./emoji";

const own = [{ name: "heartbeat", url: "/img/emoji/heartbeat.gif" }];
const labels = (typed: string, names: string[] = []) =>
  complete(typed, typed.length, () => names, own)?.offers.map(({ label }) => label);

test("emoji are offered behind a colon, the server's own first", () => {
  expect(labels("I :hea")?.slice(0, 2)).toEqual([":heartbeat:", ":heart_eyes:"]);
  expect(labels(":fire")).toEqual([":fire:"]);
  for (const typed of [":h", "12:30", "http://a", ":hea ", ":nothingatall"])
    expect(labels(typed), typed).toBeUndefined();
});

test("names are offered behind an @", () => {
  const names = ["Ada", "Adam", "Bob"];
  expect(labels("@ad", names)).toEqual(["Ada", "Adam"]);
  expect(labels("hi @", names)).toEqual(names);
  expect(labels("a@ad", names)).toBeUndefined();
});

test("an offer takes the place of what was typed, and the caret stands behind it", () => {
  const typed = "I :fir and more";
  const completion = complete(typed, 6, () => [], own);
  const offer = completion?.offers[0];
  if (completion === undefined || offer === undefined) throw new Error("nothing is offered");
  expect(accept(typed, 6, completion.from, offer)).toEqual({ text: "I 🔥 and more", caret: 5 });
});

test("names of emoji become characters, but the server's own stay for the server", () => {
  expect(withCharacters(":fire: at 12:30:15 :heartbeat: :nosuch:", own)).toBe(
    "🔥 at 12:30:15 :heartbeat: :nosuch:",
  );
});

test("every emoji has a name of its own", () => {
  const all = UNICODE.flatMap(([, emoji]) => emoji);
  expect(all.length).toBeGreaterThan(250);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  for (const { name, char } of all) {
    expect(name).toMatch(/^[a-z_]+$/u);
    expect(char).toMatch(/\p{Extended_Pictographic}/u);
  }
});
