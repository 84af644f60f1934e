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
  const [opened, open] = useState<"ban" | "about" | undefined>(undefined);
  const [hasFailed, setFailed] = useState(false);
  const { id = "", html = "", isHidden = false } = line;
  return (
    <span class="line-menu">
      <PopupButton label={chat.more(user.name)} class="icon-button small" face={<Icon name="more" />}>
        {(close) => (
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
            {mayModerate && (
              <>
                <MenuItem
                  onChoose={() => {
                    setFailed(false);
                    room.setVisible(id, isHidden).catch(() => {
                      setFailed(true);
                    });
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
            )}
            {!user.isBot && (
              <OwnerItem
                user={user}
                onChoose={() => {
                  setFailed(false);
                  room.setModerator(user.id, !user.isModerator).catch(() => {
                    setFailed(true);
                  });
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
      {opened === "ban" && (
        <BanDialog
          user={user}
          room={room}
          onClose={() => {
            open(undefined);
          }}
        />
      )}
      {opened === "about" && (
        <UserDialog
          user={user}
          room={room}
          onClose={() => {
            open(undefined);
          }}
        />
      )}
    </span>
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
