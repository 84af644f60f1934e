/** What can be done with a line, and, by moderators and the owner, with its writer. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { copy, hasClipboard } from "@common/clipboard";
import { wordsOf } from "@common/html";
import { Icon } from "@common/icons";
import { mayBeLoggedIn } from "@common/login";
import { MenuItem, PopupButton } from "@common/popup";

import { text } from "../text";
import { draft } from "./draft";
import type { User } from "./event";
import type { Line } from "./log";
import { BanDialog } from "./BanDialog";
import { isOwner, look } from "./owner";
import type { Room } from "./room";
import { UserDialog } from "./UserDialog";

/** The dialogs that the menu opens: the question before a ban, and what is known of the writer. */
type Opened = "ban" | "about";

interface MenuProps {
  readonly line: Line;
  readonly user: User;
  readonly room: Room;
  readonly mayModerate: boolean;
}

/**
 * The menu of a line: reply and copy; for moderators, what is done with the line and its writer; for the owner,
 * whether the writer moderates. An act that failed is said beside it.
 */
export function LineMenu({ line, user, room, mayModerate }: MenuProps): JSX.Element {
  const { chat } = text.value;
  const [opened, open] = useState<Opened | undefined>(undefined);
  const [hasFailed, setFailed] = useState(false);
  const act = (done: Promise<unknown>): void => {
    setFailed(false);
    done.catch(() => {
      setFailed(true);
    });
  };
  const onClose = (): void => {
    open(undefined);
  };
  return (
    <span class="line-menu">
      <PopupButton label={chat.more(user.name)} class="icon-button small" face={<Icon name="more" />}>
        {(close) => (
          <>
            <ReaderItems line={line} user={user} close={close} />
            {mayModerate && (
              <ModeratorItems line={line} user={user} room={room} act={act} open={open} close={close} />
            )}
            {!user.isBot && (
              <OwnerItem
                user={user}
                onChoose={() => {
                  act(room.setModerator(user.id, !user.isModerator));
                  close();
                }}
              />
            )}
          </>
        )}
      </PopupButton>
      {hasFailed && (
        <span class="state" role="alert">
          {chat.failedAct}
        </span>
      )}
      {opened === "ban" && <BanDialog user={user} room={room} onClose={onClose} />}
      {opened === "about" && <UserDialog user={user} room={room} onClose={onClose} />}
    </span>
  );
}

interface ItemsProps {
  readonly line: Line;
  readonly user: User;
  readonly close: () => void;
}

/** What everybody can do with a line: reply to it, and copy it. */
function ReaderItems({ line: { html = "" }, user, close }: ItemsProps): JSX.Element {
  const { chat } = text.value;
  return (
    <>
      <MenuItem
        onChoose={() => {
          close();
          draft.value = { text: `@${user.name} `, at: Date.now() };
        }}
      >
        <Icon name="reply" />
        {chat.reply}
      </MenuItem>
      {hasClipboard && (
        <MenuItem
          onChoose={() => {
            void copy(wordsOf(html));
            close();
          }}
        >
          <Icon name="copy" />
          {chat.copy}
        </MenuItem>
      )}
    </>
  );
}

interface ModeratorProps extends ItemsProps {
  readonly room: Room;
  /** Is given what was begun, and says so if it fails. */
  readonly act: (done: Promise<unknown>) => void;
  readonly open: (dialog: Opened) => void;
}

/** What moderators can do: hide the line or show it again, look at its writer, and remove them. */
function ModeratorItems({ line, user, room, act, open, close }: ModeratorProps): JSX.Element {
  const { chat } = text.value;
  const { id = "", isHidden = false } = line;
  return (
    <>
      <MenuItem
        onChoose={() => {
          act(room.setVisible(id, isHidden));
          close();
        }}
      >
        <Icon name={isHidden ? "show" : "hide"} />
        {isHidden ? chat.showMessage : chat.hideMessage}
      </MenuItem>
      <MenuItem
        onChoose={() => {
          close();
          open("about");
        }}
      >
        <Icon name="eye" />
        {chat.aboutUser(user.name)}
      </MenuItem>
      {/* The server lets only its owner remove moderators. */}
      {!user.isModerator && (
        <MenuItem
          isDanger
          onChoose={() => {
            close();
            open("ban");
          }}
        >
          <Icon name="ban" />
          {chat.ban(user.name)}
        </MenuItem>
      )}
    </>
  );
}

/** Makes the writer a moderator, or takes that back: for who is logged in on the admin page in this browser. */
function OwnerItem({
  user,
  onChoose,
}: {
  readonly user: User;
  readonly onChoose: () => void;
}): JSX.Element | null {
  const { chat } = text.value;
  useEffect(() => void look(), []);
  // Who logged out a moment ago is offered nothing either.
  if (!isOwner.value || !mayBeLoggedIn()) return null;
  return (
    <MenuItem onChoose={onChoose}>
      <Icon name="shield" />
      {user.isModerator ? chat.unmakeModerator(user.name) : chat.makeModerator(user.name)}
    </MenuItem>
  );
}
