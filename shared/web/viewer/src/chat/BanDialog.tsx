/** Asks a moderator once more before somebody is removed. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { Dialog } from "@common/dialog";

import { text } from "../text";
import type { User } from "./event";
import type { Room } from "./room";

interface Props {
  readonly user: User;
  readonly room: Room;
  readonly onClose: () => void;
}

/** The question whether to remove a user from the chat; closes once the server did it, and says so where it failed. */
export function BanDialog({ user, room, onClose }: Props): JSX.Element {
  const { chat, cancel } = text.value;
  const [hasFailed, setFailed] = useState(false);
  return (
    <Dialog label={chat.ban(user.name)} onClose={onClose}>
      <p dir="auto">{chat.banSure(user.name)}</p>
      {hasFailed && <p role="alert">{chat.failedAct}</p>}
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={onClose}>
          {cancel}
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() => {
            setFailed(false);
            room.setEnabled(user.id, false).then(onClose, () => {
              setFailed(true);
            });
          }}
        >
          {chat.banNow}
        </button>
      </div>
    </Dialog>
  );
}
