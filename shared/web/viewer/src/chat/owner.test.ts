import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { markLogin } from "@common/login";

import { isOwner, look, setModerator } from "./owner";

/** What was asked, with the token that was shown. */
let seen: string[];
/** The session's token; none where nobody is logged in. */
let csrf: string;

beforeEach(() => {
  seen = [];
  csrf = "first";
  const kept = new Map<string, string>();
  vi.stubGlobal("window", {
    localStorage: {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    },
  });
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    const token = new Headers(init.headers).get("X-CSRF-Token") ?? "none";
    seen.push(`${path} ${token}`);
    const json = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });
    if (path === "/api/admin/session") {
      return Promise.resolve(json(200, { loggedIn: csrf !== "", csrfToken: csrf }));
    }
    return Promise.resolve(token === csrf ? json(200, { success: true, message: "" }) : json(403, {}));
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test("where nobody logged in nothing is asked", async () => {
  await look();
  expect(isOwner.value).toBe(false);
  expect(seen).toEqual([]);
});

test("the owner is known by the session, until they log out", async () => {
  markLogin(true);
  await look();
  expect(isOwner.value).toBe(true);
  await setModerator("ada", true);
  expect(seen.at(-1)).toBe("/api/admin/chat/users/setmoderator first");
  markLogin(false);
  await look();
  expect(isOwner.value).toBe(false);
});

test("a mark alone makes no owner", async () => {
  csrf = "";
  markLogin(true);
  await look();
  expect(isOwner.value).toBe(false);
});

test("another session since then is asked for its token", async () => {
  markLogin(true);
  await look();
  csrf = "second";
  await setModerator("ada", true);
  expect(seen.slice(-2)).toEqual(["/api/admin/session first", "/api/admin/chat/users/setmoderator second"]);
});
