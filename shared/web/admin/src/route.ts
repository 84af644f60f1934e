/** Which part of the page is shown: what stands after `#/` in the address, so that Back and bookmarks work. */
import { signal } from "@preact/signals";

export const ROUTES = [
  "dashboard",
  "general",
  "page",
  "video",
  "chat",
  "messages",
  "people",
  "edges",
  "integrations",
  "server",
  "storage",
  "logs",
  "about",
] as const;
export type Route = (typeof ROUTES)[number];

export function routeOf(hash: string): Route {
  const name = hash.replace(/^#\/?/u, "");
  return ROUTES.find((route) => route === name) ?? "dashboard";
}

export const route = signal<Route>(typeof location === "undefined" ? "dashboard" : routeOf(location.hash));

export function followAddress(): () => void {
  const follow = (): void => {
    route.value = routeOf(location.hash);
  };
  window.addEventListener("hashchange", follow);
  return () => {
    window.removeEventListener("hashchange", follow);
  };
}
