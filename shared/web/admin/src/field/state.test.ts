import { expect, test } from "vitest";

import { begin, listOf, next, undone } from "./state";

test("a field that is typed back to what the server has is unchanged", () => {
  const changed = next(begin("a"), { kind: "edited", draft: "b" });
  expect(changed).toMatchObject({ kept: "a", draft: "b", phase: "changed" });
  expect(next(changed, { kind: "edited", draft: "a" }).phase).toBe("same");
});

test("what is typed while a value is on its way stays, and is not taken for saved", () => {
  let field = next(begin("a"), { kind: "edited", draft: "b" });
  field = next(field, { kind: "sent" });
  field = next(field, { kind: "edited", draft: "bc" });
  field = next(field, { kind: "stored", value: "b" });
  expect(field).toMatchObject({ kept: "b", draft: "bc", phase: "changed" });
  expect(next(next(field, { kind: "sent" }), { kind: "stored", value: "bc" }).phase).toBe("saved");
});

test("a failure keeps what was typed, and undo goes back to what the server has", () => {
  let field = next(begin(["a"]), { kind: "edited", draft: ["a", ""] });
  field = next(next(field, { kind: "sent" }), { kind: "failed", problem: "too short" });
  expect(field).toMatchObject({ draft: ["a", ""], phase: "failed", problem: "too short" });
  expect(next(field, { kind: "undone" })).toEqual(begin(["a"]));
});

test("lines are a list", () => {
  expect(listOf(" a \n\nb\r\na\n")).toEqual(["a", "b"]);
  expect(listOf("")).toEqual([]);
});

test("undo after saving leads to what the server had before", () => {
  const saved = next(next(begin("a"), { kind: "edited", draft: "b" }), { kind: "stored", value: "b" });
  expect(undone(saved)).toBe("a");
  expect(undone(next(saved, { kind: "edited", draft: "c" }))).toBe("b");
});
