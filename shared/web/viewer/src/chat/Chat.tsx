/** The chat: its head, the lines, and where one writes, or why one cannot. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";

import { Icon } from "@common/icons";
import { PopupButton } from "@common/popup";

import { config, isAnswered } from "../server";
import { text } from "../text";
import { Alerts } from "./Alerts";
import { Composer } from "./Composer";
import { Messages } from "./Messages";
import { NameForm } from "./NameForm";
import { isOver } from "./room";
import type { Room, RoomState } from "./room";
import type { Texts } from "../text/en";

interface Props {
  readonly room: Room;
  readonly isReadOnly?: boolean;
  /** Further buttons of the head. */
  readonly buttons?: ComponentChildren;
}

function why(chat: Texts["chat"], state: RoomState): string | undefined {
  switch (state) {
    case "open":
      return undefined;
    case "connecting":
      return chat.connecting;
    case "away":
      return chat.away;
    case "disabled":
      return chat.disabled;
    case "removed":
      return chat.removed;
    case "refused":
      return chat.refused;
    case "crowded":
      return chat.crowded;
  }
}

/** Takes part in the chat for as long as it is not switched off. */
export function useRoom(room: Room): void {
  const isDisabled = config.value?.chatDisabled;
  useEffect(() => {
    if (isDisabled === undefined) return;
    if (isDisabled) room.leave("disabled");
    else room.enter();
  }, [room, isDisabled]);
  useEffect(() => {
    const wake = (): void => {
      if (document.visibilityState === "visible") room.wake();
    };
    const lose = (): void => {
      room.lose();
    };
    window.addEventListener("online", wake);
    window.addEventListener("offline", lose);
    document.addEventListener("visibilitychange", wake);
    return () => {
      window.removeEventListener("online", wake);
      window.removeEventListener("offline", lose);
      document.removeEventListener("visibilitychange", wake);
    };
  }, [room]);
  // The server answers again: the chat is back with the picture, whatever pause it had come to.
  const isThere = isAnswered.value;
  useEffect(() => {
    if (isThere) room.wake();
  }, [room, isThere]);
}

/** The chat of a room. Read only, there is nothing to write with; where the viewer cannot chat, it says why. */
export function Chat({ room, isReadOnly = false, buttons }: Props): JSX.Element {
  const { chat } = text.value;
  const state = room.state.value;
  const reason = why(chat, state);
  return (
    <section id="chat" class="chat" tabIndex={-1} aria-label={chat.title} data-state={state}>
      <header class="chat-head">
        <h2>{chat.title}</h2>
        <span class="space" />
        {!isReadOnly && <Alerts />}
        {buttons}
      </header>
      <Messages room={room} isReadOnly={isReadOnly} />
      <p class={reason === undefined ? "unseen" : "why"} role="status">
        {reason}
      </p>
      {!isReadOnly && !isOver(state) && (
        <>
          <Composer room={room} />
          <Me room={room} />
        </>
      )}
    </section>
  );
}

function Me({ room }: { readonly room: Room }): JSX.Element {
  const { chat } = text.value;
  const me = room.me.value;
  return (
    <p class="me">
      {me !== undefined && (
        <>
          <span dir="auto">{chat.talkingAs(me.name)}</span>
          <PopupButton
            label={chat.changeName}
            role="dialog"
            class="icon-button small"
            face={<Icon name="edit" />}
            popupClass="name-popup"
          >
            {(close) => <NameForm room={room} close={close} />}
          </PopupButton>
        </>
      )}
    </p>
  );
}
