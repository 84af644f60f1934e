/** The rules of the chat, how long its lines are kept, and its emoji. */
import type { JSX } from "preact";

import { ListField, SwitchField, TextField } from "../field/Fields";
import { Emoji } from "../picture/Emoji";
import { text } from "../text";
import { Card, Settings } from "./parts";
import { Retention } from "./Retention";

/** The part with the chat's rules, forbidden and suggested names, how long lines are kept, and emoji. */
export function ChatSettings(): JSX.Element {
  const { chat, when } = text.value;
  return (
    <Settings>
      {(config) => (
        <>
          <Card title={chat.rules} when={when.atOnce}>
            <SwitchField
              label={chat.on}
              kept={config.chatDisabled}
              setter="/api/admin/config/chat/disable"
              isInverse
            />
            <SwitchField
              label={chat.joins}
              kept={config.chatJoinMessagesEnabled}
              setter="/api/admin/config/chat/joinmessagesenabled"
            />
            <SwitchField
              label={chat.established}
              hint={chat.establishedHint}
              kept={config.chatEstablishedUserMode}
              setter="/api/admin/config/chat/establishedusermode"
            />
            <TextField
              label={chat.welcome}
              hint={chat.welcomeHint}
              kept={config.instanceDetails.welcomeMessage}
              setter="/api/admin/config/welcomemessage"
              maxLength={10_000}
              lines={3}
            />
          </Card>
          <Card title={chat.names} when={when.newcomers}>
            <ListField
              label={chat.forbidden}
              hint={chat.forbiddenHint}
              kept={config.forbiddenUsernames}
              setter="/api/admin/config/chat/forbiddenusernames"
            />
            <ListField
              label={chat.suggested}
              hint={chat.suggestedHint}
              kept={config.suggestedUsernames}
              setter="/api/admin/config/chat/suggestedusernames"
            />
          </Card>
          <Retention kept={config.chatRetention} />
          <Emoji />
        </>
      )}
    </Settings>
  );
}
