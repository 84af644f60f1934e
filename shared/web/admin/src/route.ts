/** Which part of the page is shown: what stands after `#/` in the address, so that Back and bookmarks work. */
import { signal } from "@preact/signals";

/** The parts of the page, by their names in addresses, in the order of the navigation. */
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
/** The name of a part of the page. */
export type Route = (typeof ROUTES)[number];

/** The part that an address's hash (`#/video`) names; the dashboard where it names none. */
export function routeOf(hash: string): Route {
  const name = hash.replace(/^#\/?/u, "");
  return ROUTES.find((route) => route === name) ?? "dashboard";
}

/** The part that is shown. */
export const route = signal<Route>(typeof location === "undefined" ? "dashboard" : routeOf(location.hash));

/** Shows the part that the address names, whenever that changes. Returns what ends it. */
export function followAddress(): () => void {
  const follow = (): void => {
    route.value = routeOf(location.hash);
  };
  window.addEventListener("hashchange", follow);
  return () => {
    window.removeEventListener("hashchange", follow);
  };
}
