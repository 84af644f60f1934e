/**
 * The chat beside the player, or, on phones, as a sheet below it that folds to a bar with the newest message. Where it is switched
 * off there is only the bar, which says so.
 */
import type { JSX } from "preact";

import { wordsOf } from "@common/html";
import { Icon } from "@common/icons";
import { recall, remember } from "@common/storage";
import { computed, signal } from "@preact/signals";

import { Chat } from "./chat/Chat";
import type { Room } from "./chat/room";
import { areaAttributes } from "./ownStyles";
import { config, status, titleOf } from "./server";
import { text } from "./text";

const KEY = "farcast.chat";

/** Whether the chat is open beside the player, remembered in this browser. */
export const isChatOpen = signal(recall(KEY) !== "hidden");

/** The owner switched the chat off. */
export const isChatOff = computed(() => config.value?.chatDisabled === true);

function setOpen(open: boolean): void {
  remember(KEY, open ? undefined : "hidden");
  isChatOpen.value = open;
}

/** The chat panel: the open chat, a bar that opens it, or a bar that says that it is switched off. */
export function ChatPanel({ room }: { readonly room: Room }): JSX.Element {
  const { chat } = text.value;
  // The room that nobody can use is the picture's and the page's.
  if (isChatOff.value) {
    return (
      <p class="chat-bar off" role="status">
        <Icon name="chat" />
        {chat.disabled}
      </p>
    );
  }
  if (!isChatOpen.value) {
    return (
      <button
        type="button"
        class="chat-bar button"
        onClick={() => {
          setOpen(true);
        }}
      >
        <Icon name="chat" />
        <span>{chat.open}</span>
        <Newest room={room} />
      </button>
    );
  }
  return (
    <aside class="chat-panel" {...areaAttributes("chat")}>
      <Chat
        room={room}
        buttons={
          <>
            <span class="now-on" dir="auto">
              {titleOf(config.value, status.value)}
            </span>
            <button
              type="button"
              class="icon-button pop-out"
              aria-label={chat.popOut}
              title={chat.popOut}
              onClick={() => {
                window.open("/embed/chat/readwrite", "farcast-chat", "popup,width=420,height=720");
              }}
            >
              <Icon name="window" />
            </button>
            <button
              type="button"
              class="icon-button"
              aria-label={chat.hide}
              title={chat.hide}
              onClick={() => {
                setOpen(false);
              }}
            >
              <Icon name="close" />
            </button>
          </>
        }
      />
    </aside>
  );
}

function Newest({ room }: { readonly room: Room }): JSX.Element | null {
  const line = room.lines.value.findLast(({ kind, isHidden }) => kind === "message" && isHidden !== true);
  if (line === undefined) return null;
  return (
    <span class="newest" dir="auto">
      {line.user?.name}: {line.text ?? wordsOf(line.html ?? "")}
    </span>
  );
}
