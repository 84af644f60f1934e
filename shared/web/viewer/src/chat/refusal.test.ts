import { expect, test } from "vitest";

import { refusalOf } from "./refusal";

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
