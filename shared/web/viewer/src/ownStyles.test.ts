import { expect, test, vi } from "vitest";

vi.stubGlobal("document", { getElementById: () => null });
const { variables } = await import("./ownStyles");

test("variables are colours and sizes, and nothing that ends a rule", () => {
  expect(variables({ accent: "#ff0000", "theme-a": "rgb(1 2 3 / 50%)" })).toBe(
    ":root { --accent: #ff0000; --theme-a: rgb(1 2 3 / 50%); }",
  );
  expect(variables({ a: "red; } body { display: none" })).toBe("");
  expect(variables({ "a: b": "red", c: 7 })).toBe("");
  expect(variables({})).toBe("");
});
