import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { expect, test } from "vitest";

import { BEGINNINGS, refusalOf } from "./refusal";

/** The server's words for a line that it does not take, by the place where it says them. */
const SAID =
  /(?:return action\(\s*|let words = match error \{[\s\S]*?\{\s*|_ => |(?:FLOODING|ROOM_FULL|TOO_LARGE): &str =\s*)"([^"]*)"/gu;

function saidBy(name: string): string[] {
  const path = resolve(import.meta.dirname, "../../../../../edge/src/chat", name);
  return [...readFileSync(path, "utf8").matchAll(SAID)].map(([, words]) => words ?? "");
}

test("every sentence by which the server refuses a line is known, and no other is looked for", () => {
  const said = [...saidBy("mod.rs"), ...saidBy("session.rs")];
  expect(said.length).toBeGreaterThanOrEqual(8);
  for (const words of said) expect(refusalOf(`<p>${words}</p>`), words).toBeDefined();
  for (const [beginning] of BEGINNINGS) {
    expect(
      said.some((words) => words.startsWith(beginning)),
      beginning,
    ).toBe(true);
  }
});

test("the server's refusals are known, in the form in which they come", () => {
  const refusal = (words: string) => refusalOf(`<p>${words}</p>\n`);
  expect(refusal("You are temporarily blocked from sending chat messages due to perceived flooding.")).toBe(
    "flooding",
  );
  expect(refusal("You have not been an established chat participant long enough to take part.")).toBe(
    "newcomer",
  );
  expect(refusal("Sorry, that message exceeded the maximum size and can't be delivered.")).toBe("too-large");
  expect(refusal("Too much is said at once, your last line was not delivered.")).toBe("busy");
  expect(refusalOf("The stream has ended, and the chat with it.")).toBe("over");
});

test("news for everybody is no refusal", () => {
  expect(refusalOf("<p>Stream title changed to <strong>Sorry</strong></p>")).toBeUndefined();
  expect(refusalOf("<p>You cannot change your name to <strong>admin</strong>.</p>")).toBeUndefined();
});
