/** One line of the chat. */
import type { JSX } from "preact";
import { memo } from "preact/compat";

import { Html } from "@common/Html";
import { wordsOf } from "@common/html";
import { Icon } from "@common/icons";
import { dateAndTime, timeOfDay } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import { LineMenu } from "./LineMenu";
import type { Line } from "./log";
import { mayMention, mentions } from "./mention";
import { Name } from "./Name";
import type { Room } from "./room";

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
  const isMention =
    !isOwn && me !== undefined && mayMention(html, me.name) && mentions(wordsOf(html), me.name);
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
