/**
 * The login. The password goes to the server once; from then on the browser's cookie, which no script reads, says who this
 * is, and this page holds only the token that it shows with every call (`csrfToken` of openapi.yaml). So a reload stays
 * logged in, and nothing here is worth stealing.
 *
 * A call that the server refuses since the session is another one now (another tab logged in anew) is made once more with
 * the token that holds. When there is no session any more, the page asks for the password above what it shows, and the call
 * is made after that: nothing that somebody typed is lost.
 */
import { computed, signal } from "@preact/signals";

import { ApiError, get, post } from "@common/api/client";
import type { Options, Schema } from "@common/api/client";
import { markLogin } from "@common/login";

/** Where the page stands: it asks the server whether it is logged in, it is, it is not, or there was no answer. */
export type Standing = "asking" | "in" | "out" | "unknown";
/** Why nobody is logged in, if somebody was. */
export type Ended = "by-owner" | "expired";

const token = signal("");
/** Whether somebody is logged in, as far as the page knows. */
export const standing = signal<Standing>("asking");
/** Why the last session ended; null while somebody is logged in, and where nobody was. */
export const ended = signal<Ended | null>(null);
/** What went wrong when the page asked whether it is logged in. */
export const trouble = signal<unknown>(null);
/** Whether somebody is logged in. */
export const isLoggedIn = computed(() => standing.value === "in");

/** Calls that wait longer than this for the next login are not made any more: nobody expects them then. */
const REPEATED_WITHIN_MS = 300_000;

type Call<T> = (options: Options) => Promise<T>;

/** The header goes along even where there is no token yet: by it the server knows a page, whose browser shall not ask. */
const shown = (): Options => ({ headers: { "X-CSRF-Token": token.value } });

function take(session: Schema<"AdminSession">): void {
  token.value = session.csrfToken;
  standing.value = session.loggedIn ? "in" : "out";
  if (session.loggedIn) ended.value = null;
  markLogin(session.loggedIn);
}

function leave(why: Ended): void {
  token.value = "";
  standing.value = "out";
  ended.value = why;
  markLogin(false);
}

/** Asks whether the browser is logged in, when the page is loaded. */
export async function resume(): Promise<void> {
  standing.value = "asking";
  try {
    take(await get("/api/admin/session", shown()));
  } catch (error) {
    trouble.value = error;
    standing.value = "unknown";
  }
}

/** Logs in by the admin password. Throws an `ApiError`, with status 401 where the password is wrong. */
export async function logIn(password: string): Promise<void> {
  take(await post("/api/admin/login", { password }, shown()));
}

/** Ends the session, or all of them. Where there is none any more, that is as well. */
export async function logOut(where: "here" | "everywhere" = "here"): Promise<void> {
  const path = where === "here" ? "/api/admin/logout" : "/api/admin/logout/everywhere";
  try {
    await attempt((options) => post(path, undefined, options), false);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
  }
  leave("by-owner");
}

/** Makes a call as the owner: `ask((options) => get("/api/admin/status", options))`. */
export function ask<T>(call: Call<T>): Promise<T> {
  return attempt(call, true);
}

async function attempt<T>(call: Call<T>, mayWait: boolean): Promise<T> {
  const before = token.value;
  try {
    return await call(shown());
  } catch (error) {
    if (!isOfSession(error) || !(await isRenewed(before, mayWait))) throw error;
    return await call(shown());
  }
}

/** Whether the session may be what a call was refused for. */
function isOfSession(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403);
}

let looking: Promise<void> | null = null;

/** Whether there is another session by now, or soon if the call may wait for it. Calls that are refused at the same time ask together. */
async function isRenewed(before: string, mayWait: boolean): Promise<boolean> {
  if (token.value === before && standing.value === "in") {
    looking ??= look(before).finally(() => {
      looking = null;
    });
    await looking;
  }
  if (mayWait && standing.value === "out" && ended.value === "expired") await nextLogin();
  return standing.value === "in" && token.value !== before;
}

async function look(before: string): Promise<void> {
  try {
    const session = await get("/api/admin/session", shown());
    if (token.value !== before) return;
    if (session.loggedIn) take(session);
    else leave("expired");
  } catch {
    // Without an answer it is not known; the call tells what was wrong with it.
  }
}

/** Waits until somebody logs in, though not for ever. */
async function nextLogin(): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, REPEATED_WITHIN_MS);
    const stop = standing.subscribe((now) => {
      if (now !== "in") return;
      clearTimeout(timer);
      resolve();
      // Not while it is being subscribed to.
      queueMicrotask(() => {
        stop();
      });
    });
  });
}
