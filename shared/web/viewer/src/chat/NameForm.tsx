/** Asks for another name or colour. Whether a name is free the server says, in a line of the chat. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { text } from "../text";
import { HuePicker } from "./HuePicker";
import type { Room } from "./room";

const MOST_CHARACTERS = 30;

interface Props {
  readonly room: Room;
  readonly close: () => void;
}

/** A form for another name, of at most 30 characters, and another colour; closes once both could be sent. */
export function NameForm({ room, close }: Props): JSX.Element {
  const { chat, save, cancel } = text.value;
  const before = room.me.value?.name ?? "";
  const hueBefore = room.me.value?.hue ?? 0;
  const [name, setName] = useState(before);
  const [hue, setHue] = useState(hueBefore);
  const wanted = name.trim();
  return (
    <form
      class="name-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (wanted === "") return;
        const isNamed = wanted === before || room.rename(wanted);
        const isColored = hue === hueBefore || room.recolor(hue);
        if (isNamed && isColored) close();
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
      <HuePicker before={hueBefore} chosen={hue} onChoose={setHue} />
      <p class="sample">
        <strong class="name" dir="auto" style={{ "--hue": hue }}>
          {wanted === "" ? before : wanted}
        </strong>
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
