/** What stands in place of the picture while there is no broadcast. */
import type { JSX } from "preact";

import { Html } from "@common/Html";
import { ago, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { clockAheadMs, config, status } from "../server";
import { text } from "../text";

/** The logo, the owner's words, when the last broadcast ended, and that the next one starts by itself. */
export function Offline(): JSX.Element {
  const { page, player } = text.value;
  const words = config.value?.offlineMessage ?? "";
  const last = status.value?.lastDisconnectTime;
  const at = typeof last === "string" ? Date.parse(last) : Number.NaN;
  const seconds = (Date.now() - clockAheadMs.value - at) / 1_000;
  return (
    <>
      <img class="logo" src="/logo" alt="" />
      {words !== "" && <Html html={words} class="words" />}
      {Number.isFinite(seconds) && (
        <p title={dateAndTime(locale.value, at)}>{page.lastLive(ago(locale.value, Math.max(0, seconds)))}</p>
      )}
      <p>{player.startsByItself}</p>
    </>
  );
}
