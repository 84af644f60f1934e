/** Asks for another name. Whether it is free the server says, in a line of the chat. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { text } from "../text";
import type { Room } from "./room";

const MOST_CHARACTERS = 30;

interface Props {
  readonly room: Room;
  readonly close: () => void;
}

export function NameForm({ room, close }: Props): JSX.Element {
  const { chat, save, cancel } = text.value;
  const before = room.me.value?.name ?? "";
  const [name, setName] = useState(before);
  const wanted = name.trim();
  return (
    <form
      class="name-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (wanted === "" || wanted === before || room.rename(wanted)) close();
      }}
    >
      <label for="chat-name">{chat.name}</label>
      <input
        id="chat-name"
        class="field"
        dir="auto"
        value={name}
        maxLength={MOST_CHARACTERS}
        autocomplete="nickname"
        aria-describedby="chat-name-hint"
        data-first
        onInput={(event) => {
          setName(event.currentTarget.value);
        }}
      />
      <p id="chat-name-hint" class="hint">
        {chat.nameHint}
      </p>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={close}>
          {cancel}
        </button>
        <button type="submit" class="button primary" disabled={wanted === ""}>
          {save}
        </button>
      </div>
    </form>
  );
}
