import { expect, test } from "vitest";

import { isSafeLink } from "./html";

test("links lead to pages, and run nothing", () => {
  for (const href of ["https://a.example", "/a", "#x", "mailto:a@b", "//a.example", ""]) {
    expect(isSafeLink(href), href).toBe(true);
  }
  for (const href of [
    "javascript:alert(1)",
    " JAVASCRIPT:alert(1)",
    "java\tscript:alert(1)",
    "\u0001javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "blob:https://a.example/1",
    "file:///etc/passwd",
  ]) {
    expect(isSafeLink(href), JSON.stringify(href)).toBe(false);
  }
});
