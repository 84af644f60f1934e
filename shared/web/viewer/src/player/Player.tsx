/** The picture, what is said over it, and the controls. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { Icon } from "@common/icons";

import { config, status, titleOf } from "../server";
import { text } from "../text";
import { Controls } from "./Controls";
import { Notice } from "./Notice";
import type { Watching } from "./watching";

interface Props {
  readonly watching: Watching;
  /** What is shown while there is no broadcast. */
  readonly offline: ComponentChildren;
}

/** The player: starts to watch as soon as its video element is there. */
export function Player({ watching, offline }: Props): JSX.Element {
  const video = useRef<HTMLVideoElement>(null);
  const stage = useRef<HTMLElement>(null);
  const { player } = text.value;
  const name = config.value?.name ?? "";
  const title = titleOf(config.value, status.value);

  // Before the browser draws for the first time: what is asked for is on its way meanwhile.
  useLayoutEffect(() => {
    if (video.current !== null && stage.current !== null) watching.start(video.current, stage.current);
  }, [watching]);

  useEffect(() => {
    // What a phone's lock screen and a keyboard's media keys show.
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = new MediaMetadata({
      title: title === "" ? name : title,
      artist: name,
      artwork: [{ src: "/logo/external" }],
    });
  }, [title, name]);

  const hasPicture = ["playing", "buffering", "reconnecting"].includes(watching.phase.value);
  return (
    <section ref={stage} id="stage" class="stage" aria-label={player.label}>
      <video
        ref={video}
        id="video"
        playsInline
        {...(status.value?.online === true ? { poster: "/thumbnail.jpg" } : {})}
        aria-label={player.label}
        onClick={(event) => {
          // A touch shows the controls; a click pauses, as everywhere.
          if ((event as unknown as PointerEvent).pointerType !== "touch" && hasPicture)
            watching.commands.play();
        }}
        onDblClick={() => {
          watching.commands.fullscreen();
        }}
      />
      <Notice watching={watching} offline={offline} />
      {watching.offersStart.value && (
        <button type="button" class="start" aria-label={player.start} onClick={watching.commands.play}>
          <Icon name="play" />
        </button>
      )}
      {watching.offersUnmute.value && (
        <button
          type="button"
          class="unmute"
          onClick={() => {
            watching.unmute();
          }}
        >
          <Icon name="silent" />
          {player.unmuteHint}
        </button>
      )}
      <Controls watching={watching} isOff={!hasPicture} />
    </section>
  );
}
