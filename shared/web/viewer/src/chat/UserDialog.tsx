/** What the server tells moderators of somebody, and whether they may chat. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Dialog } from "@common/dialog";
import { Icon } from "@common/icons";
import { count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import type { User } from "./event";
import type { About, Room } from "./room";

interface Props {
  readonly user: User;
  readonly room: Room;
  readonly onClose: () => void;
}

/** A dialog with what is known of a user, read when it opens, and a button that removes them or lets them back. */
export function UserDialog({ user, room, onClose }: Props): JSX.Element {
  const { chat, close } = text.value;
  const [about, setAbout] = useState<About | undefined>(undefined);
  const [hasFailed, setFailed] = useState(false);
  const [asked, ask] = useState(0);
  useEffect(() => {
    room.about(user.id).then(setAbout, () => {
      setFailed(true);
    });
  }, [room, user.id, asked]);
  const isRemoved = about?.user.disabledAt !== undefined;
  return (
    <Dialog label={chat.aboutUser(user.name)} onClose={onClose} class="about-user">
      <div class="dialog-head">
        <h2 dir="auto">{about?.user.displayName ?? user.name}</h2>
        <button type="button" class="icon-button" aria-label={close} title={close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      {about !== undefined && <Facts about={about} />}
      {hasFailed && <p role="alert">{chat.failedAct}</p>}
      <div class="dialog-buttons">
        {about !== undefined && !user.isModerator && (
          <button
            type="button"
            class={isRemoved ? "button" : "button danger"}
            onClick={() => {
              setFailed(false);
              room.setEnabled(user.id, isRemoved).then(
                () => {
                  ask(asked + 1);
                },
                () => {
                  setFailed(true);
                },
              );
            }}
          >
            {isRemoved ? chat.letBack : chat.ban(user.name)}
          </button>
        )}
      </div>
    </Dialog>
  );
}

function Facts({ about }: { readonly about: About }): JSX.Element {
  const { chat } = text.value;
  const { user, connectedClients, messages } = about;
  const hidden = messages.filter(({ hiddenAt }) => hiddenAt !== undefined).length;
  const earlier = user.previousNames.filter((name) => name !== user.displayName);
  const facts: readonly (readonly [string, string])[] = [
    [chat.hereSince, dateAndTime(locale.value, Date.parse(user.createdAt))],
    [chat.earlierNames, earlier.length === 0 ? "–" : earlier.join(", ")],
    [chat.windowsHere, count(locale.value, connectedClients.length)],
    [chat.latelySaid, chat.messages(count(locale.value, messages.length), count(locale.value, hidden))],
    ...(user.disabledAt === undefined
      ? []
      : [[chat.removedAt, dateAndTime(locale.value, Date.parse(user.disabledAt))] as const]),
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd dir="auto">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
