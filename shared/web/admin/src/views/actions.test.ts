import { expect, test } from "vitest";

import { faultsOf, hexOf, newAction } from "./actions";

test("an action needs a name and an address of the web", () => {
  expect(faultsOf(newAction)).toEqual(["title", "url"]);
  expect(faultsOf({ ...newAction, title: "Donate", url: "https://example.org/donate" })).toEqual([]);
  for (const url of ["javascript:alert(1)", "example.org", "https://", "data:text/html,x"]) {
    expect(faultsOf({ ...newAction, title: "a", url }), url).toEqual(["url"]);
  }
  const icon = "ftp://example.org/a.png";
  expect(faultsOf({ ...newAction, title: "a", url: "http://a.example", icon })).toEqual(["icon"]);
});

test("colours are those that a colour field knows", () => {
  expect([hexOf("#ABC"), hexOf("#336699"), hexOf("red"), hexOf("")]).toEqual([
    "#aabbcc",
    "#336699",
    null,
    null,
  ]);
});
