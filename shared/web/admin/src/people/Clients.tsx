/** Who is connected to the chat now. */
import type { JSX } from "preact";

import { post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { ago, count, dateAndTime } from "@common/text/format";
import { language, locale } from "@common/text/language";

import { ask } from "../session";
import { text } from "../text";
import { Action, Card } from "../views/parts";
import { shortAgent } from "./userAgent";
import { Enable, Moderate } from "./users";
import type { User } from "./users";

type Client = Schema<"ChatClient">;

/** As many are drawn; the chat may have thousands. */
const SHOWN = 200;

interface Props {
  readonly clients: readonly Client[];
  readonly moderators: readonly User[];
  readonly bans: readonly Schema<"ChatBan">[];
  readonly onDone: () => void;
}

/**
 * The card with the first 200 connections to the chat, and buttons that make moderators, shut users out and ban
 * addresses.
 */
export function Clients({ clients, moderators, bans, onDone }: Props): JSX.Element {
  const { people } = text.value;
  const columns = people.columns;
  return (
    <Card title={people.connected(count(locale.value, clients.length))} intro={people.connectedIntro}>
      {clients.length === 0 ? (
        <p class="quiet">{people.nobody}</p>
      ) : (
        <table class="clients">
          <thead>
            <tr>
              <th scope="col">{columns.name}</th>
              <th scope="col">{columns.place}</th>
              <th scope="col">{columns.address}</th>
              <th scope="col">{columns.program}</th>
              <th scope="col">{columns.messages}</th>
              <th scope="col">{columns.since}</th>
              <td />
            </tr>
          </thead>
          <tbody>
            {clients.slice(0, SHOWN).map((client) => (
              <Row
                key={client.clientID}
                client={client}
                isModerator={moderators.some(({ id }) => id === client.user.id)}
                isBanned={bans.some(({ ipAddress }) => ipAddress === client.ipAddress)}
                onDone={onDone}
              />
            ))}
          </tbody>
        </table>
      )}
      {clients.length > SHOWN && <p class="hint">{people.firstOf(count(locale.value, SHOWN))}</p>}
    </Card>
  );
}

interface RowProps {
  readonly client: Client;
  readonly isModerator: boolean;
  readonly isBanned: boolean;
  readonly onDone: () => void;
}

function Row({ client, isModerator, isBanned, onDone }: RowProps): JSX.Element {
  const { people } = text.value;
  const { user, ipAddress, userAgent, messageCount, connectedAt, geo } = client;
  const { columns } = people;
  const at = Date.parse(connectedAt);
  return (
    <tr>
      <th scope="row" dir="auto">
        {user.displayName}
        {isModerator && <span class="tag">{people.moderator}</span>}
      </th>
      <td data-name={columns.place}>{geo === null ? people.unknown : placeOf(geo)}</td>
      <td data-name={columns.address}>
        <bdi class="breakable">{ipAddress}</bdi>
      </td>
      <td data-name={columns.program} title={userAgent}>
        {userAgent === "" ? people.unknown : shortAgent(userAgent)}
      </td>
      <td data-name={columns.messages}>{count(locale.value, messageCount)}</td>
      <td data-name={columns.since} title={dateAndTime(locale.value, at)}>
        {ago(locale.value, (Date.now() - at) / 1_000)}
      </td>
      <td>
        <div class="list-actions">
          {user.isBot !== true && <Moderate user={user} isModerator={isModerator} onDone={onDone} />}
          <Enable user={user} isOut={false} onDone={onDone} />
          {!isBanned && (
            <Action
              face={people.ban}
              class="danger"
              sure={people.banSure(ipAddress)}
              act={() =>
                ask((options) =>
                  post(
                    "/api/admin/chat/users/ipbans/create",
                    { value: ipAddress, notes: user.displayName },
                    options,
                  ),
                )
              }
              onDone={onDone}
            />
          )}
        </div>
      </td>
    </tr>
  );
}

/** `California, United States` in the language of the page. */
function placeOf({ countryCode, regionName }: NonNullable<Client["geo"]>): string {
  let country = countryCode;
  try {
    country = new Intl.DisplayNames([language.value], { type: "region" }).of(countryCode) ?? countryCode;
  } catch {
    // It is no code of a country: shown as it came.
  }
  return [regionName, country].filter((name) => name !== "").join(", ");
}
