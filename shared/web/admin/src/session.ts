/**
 * The login: the password is kept in this page's memory only, so a reload asks for it again.
 *
 * Calls go without the browser's own credentials: a browser would otherwise show its own window at a wrong password. The
 * cookie that the origin gives for a right login is no login; it exempts its owner from waiting when strangers have guessed
 * too often (origin/src/admin/session.rs). So it goes along only when the server asks to wait, and only with a password
 * that was right before.
 */
import { signal } from "@preact/signals";

import { ApiError, get } from "@common/api/client";
import type { Options } from "@common/api/client";

const USER = "admin";

export type Ended = "by-owner" | "refused";

/** The password while somebody is logged in. */
export const password = signal<string | null>(null);
/** Why nobody is, if somebody was. */
export const ended = signal<Ended | null>(null);

/** The value of `Authorization` (RFC 7617), in UTF-8. */
export function basic(user: string, secret: string): string {
  const bytes = new TextEncoder().encode(`${user}:${secret}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

type Call<T> = (options: Options) => Promise<T>;

export async function logIn(secret: string): Promise<void> {
  const headers = { Authorization: basic(USER, secret) };
  await get("/api/admin/status", { headers, credentials: "omit" });
  password.value = secret;
  ended.value = null;
  // Once with the browser's credentials, so that it takes the cookie.
  get("/api/admin/status", { headers, credentials: "same-origin" }).catch(() => undefined);
}

export function logOut(why: Ended = "by-owner"): void {
  password.value = null;
  ended.value = why;
}

/** Makes a call as the owner: `ask((options) => get("/api/admin/status", options))`. */
export async function ask<T>(call: Call<T>): Promise<T> {
  const secret = password.value;
  if (secret === null) throw new ApiError(401, "");
  const headers = { Authorization: basic(USER, secret) };
  try {
    return await call({ headers, credentials: "omit" }).catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.status !== 429) throw error;
      return call({ headers, credentials: "same-origin" });
    });
  } catch (error) {
    // Another page may have changed the password; this page did not when it still is the same.
    if (error instanceof ApiError && error.status === 401 && password.value === secret) logOut("refused");
    throw error;
  }
}
