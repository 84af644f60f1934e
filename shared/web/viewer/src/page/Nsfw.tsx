/** Asks before what is not for everybody is shown; once per visit to the browser. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";

import { Dialog } from "@common/dialog";
import { recall, remember } from "@common/storage";

import { config } from "../server";
import { text } from "../text";

const KEY = "farcast.adult";

/** Whether the viewer agreed to see what is not for everybody, remembered in this browser. */
export const isAdult = signal(recall(KEY) === "yes");

/**
 * The question whether to see a server that its owner marked as not for everybody, with buttons to go in and to
 * leave.
 */
export function Nsfw(): JSX.Element {
  const { nsfw } = text.value;
  return (
    <Dialog label={nsfw.title} class="nsfw">
      <p class="whose">
        <img src="/logo" alt="" width="40" height="40" />
        <span dir="auto">{config.value?.name}</span>
      </p>
      <h2>{nsfw.title}</h2>
      <p>{nsfw.text}</p>
      <div class="dialog-buttons">
        <button
          type="button"
          class="button"
          onClick={() => {
            if (history.length > 1) history.back();
            else location.replace("about:blank");
          }}
        >
          {nsfw.leave}
        </button>
        <button
          type="button"
          class="button primary"
          data-first
          onClick={() => {
            remember(KEY, "yes");
            isAdult.value = true;
          }}
        >
          {nsfw.enter}
        </button>
      </div>
    </Dialog>
  );
}
