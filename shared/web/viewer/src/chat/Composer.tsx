/** Where one writes. Enter sends; emoji and names are offered while one types. */
import type { JSX } from "preact";

import { Icon } from "@common/icons";
import { PopupButton } from "@common/popup";
import { count, timeOfDay } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import type { Texts } from "../text/en";
import type { Completion, Offer } from "./complete";
import { written } from "./emoji";
import { EmojiFace, EmojiPicker } from "./EmojiPicker";
import { NEWCOMER_MS } from "./refusal";
import type { Refusal } from "./refusal";
import type { Room } from "./room";
import { useWriting } from "./useWriting";
import type { Writing } from "./useWriting";

/** Shown when fewer bytes are left. */
const SHOW_LEFT_BYTES = 200;

/**
 * The field where a viewer writes to a room: what is offered while they type, how much room is left, and why a line
 * was refused.
 */
export function Composer({ room }: { readonly room: Room }): JSX.Element {
  const { chat } = text.value;
  const writing = useWriting(room);
  const { completion, chosen } = writing;
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        writing.send();
      }}
    >
      {completion !== undefined && <Offers completion={completion} chosen={chosen} onTake={writing.take} />}
      <div class="write">
        <Field writing={writing} />
        <EmojiButton room={room} onInsert={writing.insert} />
        <button
          type="submit"
          class="icon-button small send"
          aria-label={chat.send}
          title={chat.send}
          disabled={!writing.canSend}
        >
          <Icon name="send" />
        </button>
      </div>
      <Refused room={room} />
      {writing.leftBytes < SHOW_LEFT_BYTES && <Left bytes={writing.leftBytes} />}
    </form>
  );
}

function Field({ writing }: { readonly writing: Writing }): JSX.Element {
  const { chat } = text.value;
  const { field, typed, completion, chosen, change, moveCaret, key } = writing;
  return (
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
        moveCaret(event.currentTarget.selectionStart);
      }}
      onKeyDown={key}
    />
  );
}

interface EmojiButtonProps {
  readonly room: Room;
  readonly onInsert: (what: string) => void;
}

function EmojiButton({ room, onInsert }: EmojiButtonProps): JSX.Element {
  const { chat } = text.value;
  return (
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
            onInsert(`${written(emoji)}${emoji.char === undefined ? " " : ""}`);
          }}
        />
      )}
    </PopupButton>
  );
}

/** Why the last line was not taken, where it was not. */
function Refused({ room }: { readonly room: Room }): JSX.Element {
  const refusal = room.refusal.value;
  return (
    <p class={refusal === undefined ? "unseen" : "state bad"} role="status">
      {refusal !== undefined && why(text.value.chat, refusal, room.me.value?.sinceMs)}
    </p>
  );
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

/** How much more the line may have, or by how much it is too long. */
function Left({ bytes }: { readonly bytes: number }): JSX.Element {
  const { chat } = text.value;
  return (
    <p class={bytes < 0 ? "state bad" : "state"} role="status">
      {bytes < 0 ? chat.tooLong(count(locale.value, -bytes)) : chat.left(count(locale.value, bytes))}
    </p>
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
