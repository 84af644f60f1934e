/** Programs of others: what they may do here, and what they are told. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { get, post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { ago, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { Deliveries } from "./Deliveries";
import { Action, Card, Copyable, Loaded } from "./parts";

type Scope = Schema<"Scope">;
type WebhookEvent = Schema<"WebhookEvent">;

const DELIVERIES_EVERY_MS = 10_000;

const SCOPES: readonly Scope[] = ["CAN_SEND_MESSAGES", "CAN_SEND_SYSTEM_MESSAGES", "HAS_ADMIN_ACCESS"];
const EVENTS: readonly WebhookEvent[] = [
  "STREAM_STARTED",
  "STREAM_STOPPED",
  "STREAM_TITLE_UPDATED",
  "CHAT",
  "USER_JOINED",
  "USER_PARTED",
  "NAME_CHANGE",
  "VISIBILITY-UPDATE",
];

/** The part with the access tokens of other programs, and with the webhooks that are told of events. */
export function Integrations(): JSX.Element {
  return (
    <>
      <Tokens />
      <Webhooks />
    </>
  );
}

const since = (time: string): string => ago(locale.value, (Date.now() - Date.parse(time)) / 1_000);

function Tokens(): JSX.Element {
  const { integrations, when } = text.value;
  const list = usePolled(() => ask((options) => get("/api/admin/accesstokens", options)), 0);
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(["CAN_SEND_MESSAGES"]);
  const [made, setMade] = useState<string | null>(null);
  return (
    <Card title={integrations.tokens} intro={integrations.tokensIntro} when={when.atOnce}>
      <Loaded of={list}>
        {(all) => (
          <ul class="list">
            {all.map(({ id, displayName, scopes: may, lastUsedAt }) => (
              <li key={id}>
                <div class="list-main">
                  <strong dir="auto">{displayName}</strong>
                  <p class="quiet small">
                    {may.map((scope) => integrations.scopes[scope]).join(", ")} ·{" "}
                    {lastUsedAt === undefined ? integrations.unused : integrations.used(since(lastUsedAt))}
                  </p>
                </div>
                <Action
                  face={integrations.remove}
                  class="danger"
                  sure={integrations.removeSure(displayName)}
                  act={() => ask((options) => post("/api/admin/accesstokens/delete", { id }, options))}
                  onDone={list.refresh}
                />
              </li>
            ))}
            {all.length === 0 && <li class="quiet">{integrations.noTokens}</li>}
          </ul>
        )}
      </Loaded>
      {made !== null && (
        <div class="notice good">
          <Copyable label={integrations.shownOnce} value={made} />
        </div>
      )}
      <div class="add-form">
        <label>
          <span class="label">{integrations.name}</span>
          <input
            class="field"
            dir="auto"
            maxLength={255}
            value={name}
            onInput={(event) => {
              setName(event.currentTarget.value);
            }}
          />
        </label>
        <Choices
          all={SCOPES}
          chosen={scopes}
          names={integrations.scopes}
          legend={integrations.may}
          onChange={setScopes}
        />
        <Action
          face={integrations.addToken}
          disabled={name.trim() === "" || scopes.length === 0}
          act={async () => {
            const body = { name: name.trim(), scopes: [...scopes] };
            const { token } = await ask((options) => post("/api/admin/accesstokens/create", body, options));
            setMade(token);
          }}
          onDone={() => {
            setName("");
            list.refresh();
          }}
        />
      </div>
    </Card>
  );
}

function Webhooks(): JSX.Element {
  const { integrations, when } = text.value;
  const list = usePolled(() => ask((options) => get("/api/admin/webhooks", options)), 0);
  const last = usePolled(
    () => ask((options) => get("/api/admin/webhooks/deliveries", options)),
    DELIVERIES_EVERY_MS,
  );
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState<readonly WebhookEvent[]>(["STREAM_STARTED", "STREAM_STOPPED"]);
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <Card title={integrations.webhooks} intro={integrations.webhooksIntro} when={when.atOnce}>
      <Loaded of={list}>
        {(all) => (
          <ul class="list">
            {all.map((hook) => (
              <li key={hook.id}>
                <div class="list-main">
                  <p>
                    <bdi class="breakable">{hook.url}</bdi>
                    {hook.disabledAt !== undefined && <span class="tag bad">{integrations.off}</span>}
                  </p>
                  <p class="quiet small">
                    {hook.events.map((event) => integrations.events[event]).join(", ")} ·{" "}
                    {hook.lastUsed === null ? integrations.unused : integrations.used(since(hook.lastUsed))}
                  </p>
                  {hook.failure !== undefined && (
                    <p class="problem" title={dateAndTime(locale.value, Date.parse(hook.failure.since))}>
                      {integrations.failing(since(hook.failure.since), hook.failure.reason)}
                    </p>
                  )}
                  <Deliveries
                    hook={hook.id}
                    deliveries={last.value.value?.filter(({ webhook }) => webhook === hook.id) ?? []}
                    onTested={last.refresh}
                  />
                </div>
                <Action
                  face={integrations.remove}
                  class="danger"
                  sure={integrations.removeSure(hook.url)}
                  act={() => ask((options) => post("/api/admin/webhooks/delete", { id: hook.id }, options))}
                  onDone={list.refresh}
                />
              </li>
            ))}
            {all.length === 0 && <li class="quiet">{integrations.noWebhooks}</li>}
          </ul>
        )}
      </Loaded>
      {secret !== null && (
        <div class="notice good">
          <Copyable label={integrations.secretOnce} value={secret} />
        </div>
      )}
      <div class="add-form">
        <label>
          <span class="label">{integrations.url}</span>
          <input
            class="field"
            type="url"
            dir="ltr"
            maxLength={2_048}
            placeholder="https://"
            value={url}
            onInput={(event) => {
              setUrl(event.currentTarget.value);
            }}
          />
        </label>
        <Choices
          all={EVENTS}
          chosen={events}
          names={integrations.events}
          legend={integrations.told}
          onChange={setEvents}
        />
        <Action
          face={integrations.addWebhook}
          disabled={url.trim() === "" || events.length === 0}
          act={async () => {
            const body = { url: url.trim(), events: [...events] };
            const made = await ask((options) => post("/api/admin/webhooks/create", body, options));
            setSecret(made.secret);
          }}
          onDone={() => {
            setUrl("");
            list.refresh();
          }}
        />
      </div>
    </Card>
  );
}

function Choices<T extends string>(props: {
  readonly all: readonly T[];
  readonly chosen: readonly T[];
  readonly names: Readonly<Record<T, string>>;
  readonly legend: string;
  readonly onChange: (chosen: readonly T[]) => void;
}): JSX.Element {
  const { all, chosen, names, legend, onChange } = props;
  return (
    <fieldset class="plain checks">
      <legend class="label">{legend}</legend>
      {all.map((one) => (
        <label key={one} class="check">
          <input
            type="checkbox"
            checked={chosen.includes(one)}
            onChange={(event) => {
              const isOn = event.currentTarget.checked;
              onChange(all.filter((other) => (other === one ? isOn : chosen.includes(other))));
            }}
          />
          {names[one]}
        </label>
      ))}
    </fieldset>
  );
}
