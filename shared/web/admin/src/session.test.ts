import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ApiError, get, post } from "@common/api/client";

import { ask, ended, logIn, logOut, resume, standing } from "./session";

/** A server with one password, and sessions as the browser's cookie has them. */
class Server {
  csrf = "";
  /** What calls showed, in turn. */
  seen: string[] = [];
  fails = 0;
  private made = 0;

  begin(): string {
    this.made += 1;
    this.csrf = `token-${this.made}`;
    return this.csrf;
  }

  answer(path: string, init: RequestInit): Response {
    const json = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });
    const token = new Headers(init.headers).get("X-CSRF-Token");
    this.seen.push(`${init.method ?? ""} ${path} ${token ?? "none"}`);
    if (this.fails > 0) return json(this.fails, { success: false, message: "" });
    const session = (): Response => json(200, { loggedIn: this.csrf !== "", csrfToken: this.csrf });
    switch (path) {
      case "/api/admin/session":
        return session();
      case "/api/admin/login": {
        const { password } = JSON.parse(init.body as string) as { password: string };
        if (password !== "correct horse") return json(401, { success: false, message: "wrong" });
        this.begin();
        return session();
      }
      default:
        if (this.csrf === "") return new Response("Unauthorized\n", { status: 401 });
        if (init.method === "POST" && token !== this.csrf) return json(403, { success: false, message: "" });
        if (path.startsWith("/api/admin/logout")) this.csrf = "";
        return json(200, { success: true, message: "done" });
    }
  }
}

let server: Server;

beforeEach(async () => {
  server = new Server();
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => Promise.resolve(server.answer(path, init)));
  ended.value = null;
  await resume();
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const save = (): Promise<unknown> =>
  ask((options) => post("/api/admin/config/name", { value: "Ada" }, options));
const read = (): Promise<unknown> => ask((options) => get("/api/admin/status", options));

test("a login lets changes through, and a reload stays logged in", async () => {
  expect(standing.value).toBe("out");
  await logIn("correct horse");
  expect(standing.value).toBe("in");
  await save();
  expect(server.seen.at(-1)).toBe("POST /api/admin/config/name token-1");
  // As after a reload.
  await resume();
  expect(standing.value).toBe("in");
});

test("a wrong password leaves everything as it was", async () => {
  await expect(logIn("wrong")).rejects.toThrow(ApiError);
  expect(standing.value).toBe("out");
  expect(ended.value).toBeNull();
});

test("every call says that it is a page's, so that no browser asks for the password", async () => {
  await logIn("correct horse");
  await read();
  expect(server.seen.every((call) => !call.endsWith(" none"))).toBe(true);
});

test("a session that has ended leads to the login, and what was asked is done after it", async () => {
  await logIn("correct horse");
  server.csrf = "";
  const saved = save();
  await vi.waitUntil(() => standing.value === "out");
  expect(ended.value).toBe("expired");
  await expect(logIn("wrong")).rejects.toThrow(ApiError);
  expect(ended.value).toBe("expired");
  await logIn("correct horse");
  await saved;
  expect(server.seen.at(-1)).toBe("POST /api/admin/config/name token-2");
  expect([standing.value, ended.value]).toEqual(["in", null]);
});

test("what waited too long for a login is not done", async () => {
  await logIn("correct horse");
  vi.useFakeTimers();
  server.csrf = "";
  const refused = expect(save()).rejects.toThrow(ApiError);
  await vi.advanceTimersByTimeAsync(300_000);
  await refused;
  vi.useRealTimers();
  const before = server.seen.length;
  await logIn("correct horse");
  expect(server.seen.slice(before)).toEqual(["POST /api/admin/login "]);
});

test("a session that is another one now is taken over, and the call is made once more", async () => {
  await logIn("correct horse");
  // Another tab logged in anew.
  server.begin();
  await save();
  expect(server.seen.slice(-3)).toEqual([
    "POST /api/admin/config/name token-1",
    "GET /api/admin/session token-1",
    "POST /api/admin/config/name token-2",
  ]);
  expect(standing.value).toBe("in");
});

test("calls that are refused together ask for the session once", async () => {
  await logIn("correct horse");
  server.begin();
  await Promise.all([save(), save(), save()]);
  expect(server.seen.filter((call) => call.startsWith("GET /api/admin/session token-1"))).toHaveLength(1);
});

test("what the server refuses for another reason is not asked twice and ends nothing", async () => {
  await logIn("correct horse");
  for (const status of [400, 403, 429, 503]) {
    const before = server.seen.length;
    const refused = ask(() => Promise.reject(new ApiError(status, "")));
    await expect(refused).rejects.toThrow(ApiError);
    expect(server.seen.length - before).toBe(status === 403 ? 1 : 0);
    expect(standing.value).toBe("in");
  }
});

test("without an answer nobody is logged out", async () => {
  await logIn("correct horse");
  server.fails = 503;
  await expect(read()).rejects.toThrow(ApiError);
  expect(standing.value).toBe("in");
  await resume();
  expect(standing.value).toBe("unknown");
});

test("logging out ends the session at the server, here or everywhere", async () => {
  for (const [where, path] of [
    ["here", "/api/admin/logout"],
    ["everywhere", "/api/admin/logout/everywhere"],
  ] as const) {
    await logIn("correct horse");
    await logOut(where);
    expect(server.seen.at(-1)).toContain(`POST ${path} token-`);
    expect([standing.value, ended.value]).toEqual(["out", "by-owner"]);
  }
});

test("a log out that fails is told, and one that comes too late is none", async () => {
  await logIn("correct horse");
  server.fails = 503;
  await expect(logOut()).rejects.toThrow(ApiError);
  expect(standing.value).toBe("in");
  server.fails = 0;
  server.csrf = "";
  await logOut();
  expect([standing.value, ended.value]).toEqual(["out", "by-owner"]);
});
