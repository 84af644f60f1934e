/** One line of the chat, and what can be done with it. */
import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useState } from "preact/hooks";

import { copy, hasClipboard } from "@common/clipboard";
import { Dialog } from "@common/dialog";
import { Html } from "@common/Html";
import { wordsOf } from "@common/html";
import { Icon } from "@common/icons";
import { MenuItem, PopupButton } from "@common/popup";
import { dateAndTime, timeOfDay } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import type { User } from "./event";
import type { Line } from "./log";
import { mentions } from "./mention";
import type { Room } from "./room";
import { draft } from "./draft";

interface Props {
  readonly line: Line;
  readonly room: Room;
  readonly isReadOnly: boolean;
}

function LineOf({ line, room, isReadOnly }: Props): JSX.Element {
  const { chat } = text.value;
  const { kind, user, html = "", before = "" } = line;
  switch (kind) {
    case "message":
      return <Message line={line} room={room} isReadOnly={isReadOnly} />;
    case "system":
      return (
        <li class="line system">
          <strong dir="auto">{before}</strong>
          <Html html={html} class="body" pictures="own" />
        </li>
      );
    case "action":
      return (
        <li class="line told">
          <Html html={html} class="body" pictures="own" />
        </li>
      );
    case "joined":
    case "parted":
      return (
        <li class="line told" dir="auto">
          {kind === "joined" ? chat.joined(user?.name ?? "") : chat.parted(user?.name ?? "")}
        </li>
      );
    case "renamed":
      return (
        <li class="line told" dir="auto">
          {chat.renamed(before, user?.name ?? "")}
        </li>
      );
    case "gap":
      return <li class="line gap">{chat.gap}</li>;
  }
}

/** Drawn anew only when the line changes. */
export const LineView = memo(LineOf);

function Message({ line, room, isReadOnly }: Props): JSX.Element {
  const { chat } = text.value;
  const { user, html = "", isHidden = false, state } = line;
  const me = room.me.value;
  const mayModerate = me?.isModerator === true && !isReadOnly;
  if (isHidden && !mayModerate) return <li class="line none" />;
  const isOwn = user !== undefined && user.id === me?.id;
  const isMention = !isOwn && me !== undefined && mentions(wordsOf(html), me.name);
  const classes = ["line", "message", isOwn && "own", isMention && "mention", isHidden && "hidden", state];
  return (
    <li class={classes.filter(Boolean).join(" ")} data-id={line.id}>
      <p class="who">
        {user !== undefined && <Name user={user} isOwn={isOwn} />}
        <time dateTime={new Date(line.atMs).toISOString()} title={dateAndTime(locale.value, line.atMs)}>
          {timeOfDay(locale.value, line.atMs)}
        </time>
        {line.id !== undefined && !isReadOnly && user !== undefined && (
          <LineMenu line={line} user={user} room={room} mayModerate={mayModerate && !isOwn} />
        )}
      </p>
      {line.text === undefined ? (
        <Html html={html} class="body" pictures="own" />
      ) : (
        <div class="body" dir="auto">
          {line.text}
        </div>
      )}
      {isHidden && <p class="state">{chat.hidden}</p>}
      {state === "sending" && <span class="unseen">{chat.sending}</span>}
      {state === "failed" && (
        <p class="state">
          <Icon name="warn" />
          {chat.failed}
          <button
            type="button"
            class="link"
            onClick={() => {
              room.sendAgain(line.key);
            }}
          >
            {chat.sendAgain}
          </button>
          <button
            type="button"
            class="link"
            onClick={() => {
              room.discard(line.key);
            }}
          >
            {chat.discard}
          </button>
        </p>
      )}
    </li>
  );
}

function Name({ user, isOwn }: { readonly user: User; readonly isOwn: boolean }): JSX.Element {
  const { chat } = text.value;
  return (
    <>
      <strong class="name" dir="auto" style={{ "--hue": user.hue }}>
        {user.name}
      </strong>
      {isOwn && <span class="mark">{chat.you}</span>}
      {user.isModerator && (
        <span class="mark" title={chat.moderator}>
          <Icon name="shield" />
          <span class="unseen">{chat.moderator}</span>
        </span>
      )}
      {user.isBot && <span class="mark">{chat.bot}</span>}
    </>
  );
}

interface MenuProps {
  readonly line: Line;
  readonly user: User;
  readonly room: Room;
  readonly mayModerate: boolean;
}

function LineMenu({ line, user, room, mayModerate }: MenuProps): JSX.Element {
  const { chat, cancel } = text.value;
  const [isAsked, ask] = useState(false);
  const [hasFailed, setFailed] = useState(false);
  const act = (done: Promise<void>): void => {
    setFailed(false);
    done.then(
      () => {
        ask(false);
      },
      () => {
        setFailed(true);
      },
    );
  };
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
                    act(room.setVisible(id, isHidden));
                    close();
                  }}
                >
                  <Icon name={isHidden ? "show" : "hide"} />
                  {isHidden ? chat.showMessage : chat.hideMessage}
                </MenuItem>
                <MenuItem
                  isDanger
                  onChoose={() => {
                    close();
                    ask(true);
                  }}
                >
                  <Icon name="ban" />
                  {chat.ban(user.name)}
                </MenuItem>
              </>
            )}
          </>
        )}
      </PopupButton>
      {hasFailed && !isAsked && (
        <span class="state" role="alert">
          {chat.failedAct}
        </span>
      )}
      {isAsked && (
        <Dialog
          label={chat.ban(user.name)}
          onClose={() => {
            ask(false);
          }}
        >
          <p dir="auto">{chat.banSure(user.name)}</p>
          {hasFailed && <p role="alert">{chat.failedAct}</p>}
          <div class="dialog-buttons">
            <button
              type="button"
              class="button"
              onClick={() => {
                ask(false);
              }}
            >
              {cancel}
            </button>
            <button
              type="button"
              class="button danger"
              onClick={() => {
                act(room.ban(user.id));
              }}
            >
              {chat.banNow}
            </button>
          </div>
        </Dialog>
      )}
    </span>
  );
}
