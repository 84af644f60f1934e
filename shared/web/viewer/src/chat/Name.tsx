/** Who wrote a line. */
import type { JSX } from "preact";

import { Icon } from "@common/icons";

import { text } from "../text";
import type { User } from "./event";

/** A writer's name in its colour, with marks for the viewer's own, for moderators and for bots. */
export function Name({ user, isOwn }: { readonly user: User; readonly isOwn: boolean }): JSX.Element {
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
