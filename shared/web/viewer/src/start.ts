/** What every page of this application begins with. */
import "@common/base.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import type { ComponentChild } from "preact";

import { language } from "@common/text/language";
import { startTheme } from "@common/theme";

import { edges } from "./nearest";
import { followStyles } from "./ownStyles";
import { mendPictures } from "./pictures";
import { config, followServer, live, status, titleOf } from "./server";

/** The playlist; `?src=` names another one. */
export const PLAYLIST = new URL(
  new URLSearchParams(location.search).get("src") ?? "/hls/stream.m3u8",
  document.baseURI,
).href;

/** A redirect to this edge pins its viewer, by a parameter that is nobody else's: people copy the address. */
function forgetPin(): void {
  const address = new URL(location.href);
  if (!address.searchParams.has("edge")) return;
  address.searchParams.delete("edge");
  history.replaceState(history.state, "", address);
}

/**
 * Starts a page: theme, language, styles and title, which follow the server from then on, and `page` as its content.
 */
export function start(page: ComponentChild): void {
  startTheme();
  forgetPin();
  document.documentElement.lang = language.value;
  followStyles();
  followServer();
  mendPictures(edges.page, () => edges.current.value);
  effect(() => {
    const name = config.value?.name;
    const title = titleOf(config.value, status.value);
    const mark = live.value === "live" ? "● " : "";
    if (name !== undefined) document.title = mark + (title === "" ? name : `${title} · ${name}`);
  });
  const root = document.getElementById("app");
  if (root !== null) render(page, root);
}
