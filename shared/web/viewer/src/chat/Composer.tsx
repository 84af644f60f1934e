/** Where one writes. Enter sends; emoji and names are offered while one types. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { Icon } from "@common/icons";
import { PopupButton } from "@common/popup";
import { count, timeOfDay } from "@common/text/format";
import { locale } from "@common/text/language";

import { config } from "../server";
import { text } from "../text";
import type { Texts } from "../text/en";
import { accept, complete } from "./complete";
import type { Completion, Offer } from "./complete";
import { draft } from "./draft";
import { written } from "./emoji";
import { EmojiFace, EmojiPicker } from "./EmojiPicker";
import { NEWCOMER_MS } from "./refusal";
import type { Refusal } from "./refusal";
import type { Room } from "./room";

/** Of the object around what is written, in bytes. */
const AROUND_BYTES = 64;
/** Shown when fewer characters are left. */
const SHOW_LEFT = 200;
/** Names of so many of the newest lines are offered. */
const LINES_OF_NAMES = 300;

function namesOf(room: Room): string[] {
  const me = room.me.value?.name;
  const names = room.lines
    .peek()
    .slice(-LINES_OF_NAMES)
    .flatMap(({ user }) => user?.name ?? []);
  return [...new Set(names.reverse())].filter((name) => name !== me);
}

function why(chat: Texts["chat"], refusal: Refusal, sinceMs: number | undefined): string {
  switch (refusal) {
    case "newcomer":
      return chat.refusals.newcomer(
        sinceMs === undefined ? undefined : timeOfDay(locale.value, sinceMs + NEWCOMER_MS),
      );
    case "flooding":
    case "too-large":
    case "over":
    case "busy":
    case "interrupted":
      return chat.refusals[refusal];
  }
}

/**
 * The field where a viewer writes to a room: what is offered while they type, how much room is left, and why a line
 * was refused.
 */
export function Composer({ room }: { readonly room: Room }): JSX.Element {
  const { chat } = text.value;
  const field = useRef<HTMLTextAreaElement>(null);
  const [typed, setTyped] = useState("");
  const [caret, setCaret] = useState(0);
  const [chosen, setChosen] = useState(0);
  const [isDismissed, setDismissed] = useState(false);
  const nextCaret = useRef<number | undefined>(undefined);
  const isOpen = room.state.value === "open";
  const names = (): string[] => namesOf(room);
  const completion = isDismissed ? undefined : complete(typed, caret, names, room.own.value);
  const most = (config.value?.maxSocketPayloadSize ?? 2048) - AROUND_BYTES;
  const left = most - new TextEncoder().encode(JSON.stringify(typed)).length;
  const refusal = room.refusal.value;
  const canSend = isOpen && refusal !== "flooding" && typed.trim() !== "" && left >= 0;

  const change = (to: string, at: number): void => {
    setTyped(to);
    setCaret(at);
    setChosen(0);
    setDismissed(false);
  };
  const insert = (what: string): void => {
    const at = field.current?.selectionStart ?? typed.length;
    nextCaret.current = at + what.length;
    change(typed.slice(0, at) + what + typed.slice(field.current?.selectionEnd ?? at), at + what.length);
    field.current?.focus();
  };
  const take = (from: number, offer: Offer): void => {
    const taken = accept(typed, caret, from, offer);
    nextCaret.current = taken.caret;
    change(taken.text, taken.caret);
  };
  const send = (): void => {
    if (!canSend) return;
    room.send(typed);
    change("", 0);
  };

  // As high as what is written, and the caret where it belongs.
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.blockSize = "auto";
    element.style.blockSize = `${element.scrollHeight + 2}px`;
    if (nextCaret.current !== undefined) element.setSelectionRange(nextCaret.current, nextCaret.current);
    nextCaret.current = undefined;
  }, [typed]);

  const wish = draft.value;
  useEffect(() => {
    if (wish !== undefined) insert(wish.text);
    // Only a new wish is one.
  }, [wish]);

  const key = (event: KeyboardEvent): void => {
    const offer = completion?.offers[chosen];
    if (completion !== undefined && offer !== undefined) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const length = completion.offers.length;
      if (step !== undefined) setChosen((chosen + step + length) % length);
      else if (event.key === "Tab" || event.key === "Enter") take(completion.from, offer);
      else if (event.key === "Escape") setDismissed(true);
      else return;
      event.preventDefault();
      return;
    }
    // While an input method composes, Enter is its own.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {completion !== undefined && <Offers completion={completion} chosen={chosen} onTake={take} />}
      <div class="write">
        <textarea
          ref={field}
          id="message"
          rows={1}
          dir="auto"
          value={typed}
          placeholder={chat.placeholder}
          aria-label={chat.placeholder}
          aria-autocomplete="list"
          aria-controls={completion === undefined ? undefined : "offers"}
          aria-activedescendant={completion === undefined ? undefined : `offer-${chosen}`}
          autocomplete="off"
          enterkeyhint="send"
          onInput={(event) => {
            change(event.currentTarget.value, event.currentTarget.selectionStart);
          }}
          onSelect={(event) => {
            setCaret(event.currentTarget.selectionStart);
          }}
          onKeyDown={key}
        />
        <PopupButton
          label={chat.emoji}
          role="dialog"
          class="icon-button small"
          face={<Icon name="smile" />}
          popupClass="emoji-popup"
        >
          {(close) => (
            <EmojiPicker
              own={room.own.value}
              onPick={(emoji, isMore) => {
                if (!isMore) close();
                insert(`${written(emoji)}${emoji.char === undefined ? " " : ""}`);
              }}
            />
          )}
        </PopupButton>
        <button
          type="submit"
          class="icon-button small send"
          aria-label={chat.send}
          title={chat.send}
          disabled={!canSend}
        >
          <Icon name="send" />
        </button>
      </div>
      <p class={refusal === undefined ? "unseen" : "state bad"} role="status">
        {refusal !== undefined && why(chat, refusal, room.me.value?.sinceMs)}
      </p>
      {left < SHOW_LEFT && (
        <p class={left < 0 ? "state bad" : "state"} role="status">
          {left < 0 ? chat.tooLong(count(locale.value, -left)) : chat.left(count(locale.value, left))}
        </p>
      )}
    </form>
  );
}

interface OffersProps {
  readonly completion: Completion;
  readonly chosen: number;
  readonly onTake: (from: number, offer: Offer) => void;
}

function Offers({ completion, chosen, onTake }: OffersProps): JSX.Element {
  const { chat } = text.value;
  return (
    <ul id="offers" class="offers floating" role="listbox" aria-label={chat.suggestions}>
      {completion.offers.map((offer, index) => (
        <li
          key={offer.key}
          id={`offer-${index}`}
          role="option"
          aria-selected={index === chosen}
          // The field keeps the focus.
          onMouseDown={(event) => {
            event.preventDefault();
            onTake(completion.from, offer);
          }}
        >
          {offer.emoji !== undefined && <EmojiFace emoji={offer.emoji} />}
          <span dir="auto">{offer.label}</span>
        </li>
      ))}
    </ul>
  );
}
