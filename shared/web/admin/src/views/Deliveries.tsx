/** What became of a webhook's last deliveries, and a button that sends one now. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { ask } from "../session";
import { text } from "../text";
import { Action } from "./parts";

type Delivery = Schema<"WebhookDelivery">;

interface Props {
  readonly hook: number;
  readonly deliveries: readonly Delivery[];
  readonly onTested: () => void;
}

/**
 * The last deliveries of the webhook with the id `hook`, and a button that sends a test; `onTested` is called after
 * that was sent.
 */
export function Deliveries({ hook, deliveries, onTested }: Props): JSX.Element {
  const { integrations } = text.value;
  const [tested, setTested] = useState<Delivery | null>(null);
  const hasFailed = (tested?.error ?? null) !== null;
  return (
    <div class="deliveries">
      <Action
        face={integrations.test}
        act={async () => {
          setTested(await ask((options) => post("/api/admin/webhooks/test", { id: hook }, options)));
        }}
        onDone={onTested}
      />
      <p role="status" class={hasFailed ? "small problem" : "small"}>
        {tested !== null && outcome(tested)}
      </p>
      {deliveries.length > 0 && (
        <details>
          <summary>{integrations.lastDeliveries(count(locale.value, deliveries.length))}</summary>
          <ul class="log">
            {deliveries.map((delivery) => (
              <li
                key={`${delivery.time}${delivery.attempt}`}
                class={delivery.error === null ? "" : "warning"}
              >
                <span class="small">{name(delivery)}</span>
                <span class="small" dir="auto">
                  {outcome(delivery)}
                </span>
                <time class="quiet small" dateTime={delivery.time}>
                  {dateAndTime(locale.value, Date.parse(delivery.time))}
                </time>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function name({ event, attempt }: Delivery): string {
  const { integrations } = text.value;
  const called = event === "TEST" ? integrations.test : integrations.events[event];
  return attempt === 1 ? called : integrations.attempt(called, count(locale.value, attempt));
}

function outcome({ error, durationMs }: Delivery): string {
  const { integrations } = text.value;
  const took = count(locale.value, durationMs);
  return error === null ? integrations.taken(took) : integrations.notTaken(error, took);
}
