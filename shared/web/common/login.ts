/**
 * Whether somebody is logged in on the admin page in this browser, as far as pages may know: a mark in the browser's storage. It
 * opens nothing, since the login itself is a cookie that no script reads and the server looks at; it keeps the pages of
 * everybody else from asking the server for it.
 */
import { recall, remember } from "./storage";

const KEY = "farcast.owner";

export function markLogin(isLoggedIn: boolean): void {
  remember(KEY, isLoggedIn ? "logged in" : undefined);
}

export function mayBeLoggedIn(): boolean {
  return recall(KEY) !== undefined;
}
