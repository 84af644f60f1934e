/** Who is in the chat, who moderates, and who and which addresses are shut out. */
import type { JSX } from "preact";

import { get } from "@common/api/client";

import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { Card, Loaded } from "../views/parts";
import { BannedAddresses } from "./BannedAddresses";
import { Clients } from "./Clients";
import { Enable, Moderate, UserList } from "./users";

const EVERY_MS = 5_000;

async function read() {
  const [clients, disabled, moderators, bans] = await Promise.all([
    ask((options) => get("/api/admin/chat/clients", options)),
    ask((options) => get("/api/admin/chat/users/disabled", options)),
    ask((options) => get("/api/admin/chat/users/moderators", options)),
    ask((options) => get("/api/admin/chat/users/ipbans", options)),
  ]);
  return { clients, disabled, moderators, bans };
}

/**
 * The part about the chat's people, read every 5 s: who is connected, who moderates, who is shut out, which addresses
 * are banned.
 */
export function People(): JSX.Element {
  const { people } = text.value;
  const all = usePolled(read, EVERY_MS);
  return (
    <Loaded of={all}>
      {({ clients, disabled, moderators, bans }) => (
        <>
          <Clients clients={clients} moderators={moderators} bans={bans} onDone={all.refresh} />
          <div class="columns">
            <Card title={people.moderators}>
              <UserList users={moderators} none={people.noModerators}>
                {(user) => <Moderate user={user} isModerator onDone={all.refresh} />}
              </UserList>
            </Card>
            <Card title={people.out}>
              <UserList users={disabled} none={people.nobodyOut}>
                {(user) => <Enable user={user} isOut onDone={all.refresh} />}
              </UserList>
            </Card>
          </div>
          <BannedAddresses bans={bans} onDone={all.refresh} />
        </>
      )}
    </Loaded>
  );
}
