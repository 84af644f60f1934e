import { beforeEach, expect, test } from "vitest";

import { ApiError } from "@common/api/client";
import type { Options } from "@common/api/client";

import { ask, basic, ended, logOut, password } from "./session";

beforeEach(() => {
  password.value = "correct horse";
  ended.value = null;
});

/** Answers calls in turn, and keeps with which credentials they came. */
function server(...answers: (number | string)[]): {
  call: (options: Options) => Promise<string>;
  seen: unknown[];
} {
  const seen: unknown[] = [];
  return {
    seen,
    call: (options) => {
      const answer = answers[seen.length];
      seen.push(options.credentials);
      return typeof answer === "number"
        ? Promise.reject(new ApiError(answer, ""))
        : Promise.resolve(String(answer));
    },
  };
}

test("a login is written in UTF-8", () => {
  expect(basic("admin", "a:b")).toBe("Basic YWRtaW46YTpi");
  expect(basic("admin", "pässwört€")).toBe("Basic YWRtaW46cMOkc3N3w7ZydOKCrA==");
});

test("the cookie goes along only when the server asks to wait", async () => {
  const calm = server("done");
  expect(await ask(calm.call)).toBe("done");
  expect(calm.seen).toEqual(["omit"]);
  const busy = server(429, "done");
  expect(await ask(busy.call)).toBe("done");
  expect(busy.seen).toEqual(["omit", "same-origin"]);
});

test("a password that no longer holds ends the session, another failure does not", async () => {
  await expect(ask(server(503).call)).rejects.toThrow(ApiError);
  expect(password.value).toBe("correct horse");
  await expect(ask(server(401).call)).rejects.toThrow(ApiError);
  expect([password.value, ended.value]).toEqual([null, "refused"]);
});

test("nothing is asked after a log out", async () => {
  logOut();
  const silent = server("done");
  await expect(ask(silent.call)).rejects.toThrow(ApiError);
  expect(silent.seen).toEqual([]);
});
