/**
 * Whether somebody is logged in on the admin page in this browser, as far as pages may know: a mark in the browser's storage. It
 * opens nothing, since the login itself is a cookie that no script reads and the server looks at; it keeps the pages of
 * everybody else from asking the server for it.
 */
import { recall, remember } from "./storage";

const KEY = "farcast.owner";

/** Sets the mark in the browser's storage where somebody is logged in, and removes it otherwise. */
export function markLogin(isLoggedIn: boolean): void {
  remember(KEY, isLoggedIn ? "logged in" : undefined);
}

/** Whether the mark is there: then the server may be asked who is logged in. */
export function mayBeLoggedIn(): boolean {
  return recall(KEY) !== undefined;
}
