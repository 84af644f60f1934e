/** Addresses that may not chat: which, since when and why, and more of them. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";

import { post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { ago, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { ask } from "../session";
import { text } from "../text";
import { Action, Card } from "../views/parts";
import { isAddress } from "./address";
import { endOf, LASTS } from "./lasts";
import type { Lasts } from "./lasts";

interface Props {
  readonly bans: readonly Schema<"ChatBan">[];
  readonly onDone: () => void;
}

/**
 * The card of banned addresses: since when, until when and why each is, a button that lets it in again, and a form
 * that bans another.
 */
export function BannedAddresses({ bans, onDone }: Props): JSX.Element {
  const { people, when } = text.value;
  return (
    <Card title={people.addresses} intro={people.addressesIntro} when={when.atOnce}>
      {bans.length === 0 ? (
        <p class="quiet">{people.noAddresses}</p>
      ) : (
        <ul class="list">
          {bans.map(({ ipAddress, notes, createdAt, expiresAt }) => (
            <li key={ipAddress}>
              <div class="list-main">
                <bdi class="strong">{ipAddress}</bdi>
                <p class="quiet small" title={dateAndTime(locale.value, Date.parse(createdAt))}>
                  {people.bannedSince(ago(locale.value, (Date.now() - Date.parse(createdAt)) / 1_000))}
                  {expiresAt !== null && (
                    <> · {people.bannedUntil(dateAndTime(locale.value, Date.parse(expiresAt)))}</>
                  )}
                  {notes !== "" && <bdi> · {notes}</bdi>}
                </p>
              </div>
              <Action
                face={people.letIn}
                act={() =>
                  ask((options) => post("/api/admin/chat/users/ipbans/remove", { value: ipAddress }, options))
                }
                onDone={onDone}
              />
            </li>
          ))}
        </ul>
      )}
      <AddBan onDone={onDone} />
    </Card>
  );
}

function AddBan({ onDone }: { readonly onDone: () => void }): JSX.Element {
  const { people } = text.value;
  const id = useId();
  const [address, setAddress] = useState("");
  const [notes, setNotes] = useState("");
  const [lasts, setLasts] = useState<Lasts>("forGood");
  const value = address.trim();
  const isWrong = value !== "" && !isAddress(value);
  return (
    <div class="add-form">
      <div class="rung-fields wide">
        <div>
          <label class="small quiet" for={id}>
            {people.columns.address}
          </label>
          <input
            id={id}
            class="field"
            dir="ltr"
            maxLength={45}
            placeholder="192.0.2.40"
            value={address}
            aria-invalid={isWrong}
            aria-describedby={`${id}-problem`}
            onInput={(event) => {
              setAddress(event.currentTarget.value);
            }}
          />
        </div>
        <label>
          <span class="small quiet">{people.why}</span>
          <input
            class="field"
            dir="auto"
            maxLength={255}
            value={notes}
            onInput={(event) => {
              setNotes(event.currentTarget.value);
            }}
          />
        </label>
        <label>
          <span class="small quiet">{people.lasts}</span>
          <select
            class="field"
            value={lasts}
            onChange={(event) => {
              setLasts(LASTS.find((one) => one === event.currentTarget.value) ?? "forGood");
            }}
          >
            {LASTS.map((one) => (
              <option key={one} value={one}>
                {people.spans[one]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <p id={`${id}-problem`} class="problem" role="status">
        {isWrong && people.noAddress}
      </p>
      <Action
        face={people.banAddress}
        disabled={value === "" || isWrong}
        act={() => {
          const body = { value, notes: notes.trim(), expiresAt: endOf(lasts, Date.now()) };
          return ask((options) => post("/api/admin/chat/users/ipbans/create", body, options));
        }}
        onDone={() => {
          setAddress("");
          setNotes("");
          setLasts("forGood");
          onDone();
        }}
      />
    </div>
  );
}
