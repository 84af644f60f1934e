/** How long the chat's lines are kept. */
import type { JSX } from "preact";

import type { Schema } from "@common/api/client";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { Outcome } from "../field/Fields";
import { useField } from "../field/useField";
import { text } from "../text";
import { Card } from "./parts";

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
const AGES_S = [HOUR_S, 5 * HOUR_S, DAY_S, 3 * DAY_S, 7 * DAY_S, 30 * DAY_S];
const EVENTS = [1_000, 10_000, 100_000, 1_000_000];

/** Offered values and the one that is set, in order. */
function choices(offered: readonly number[], set: number): number[] {
  return [...new Set([...offered, set])].sort((one, other) => one - other);
}

/** `5 hours`, in the language of the page. */
function span(seconds: number): string {
  const [value, unit] =
    seconds % DAY_S === 0
      ? [seconds / DAY_S, "day"]
      : seconds % HOUR_S === 0
        ? [seconds / HOUR_S, "hour"]
        : [seconds / 60, "minute"];
  return new Intl.NumberFormat(locale.value, {
    style: "unit",
    unit,
    unitDisplay: "long",
    maximumFractionDigits: 1,
  }).format(value);
}

/** The card with how long the chat's lines are kept and how many at most, each chosen from a list and saved at once. */
export function Retention({ kept }: { readonly kept: Schema<"ChatRetention"> }): JSX.Element {
  const { chat, when } = text.value;
  const { field, save, undo } = useField(kept, "/api/admin/config/chat/retention");
  const { maxAgeSeconds, maxEvents } = field.draft;
  return (
    <Card
      title={chat.kept}
      intro={chat.keptIntro}
      when={when.minute}
      actions={<Outcome field={field} undo={undo} />}
    >
      <div class="rung-fields">
        <label>
          <span class="small quiet">{chat.keptFor}</span>
          <select
            class="field"
            value={maxAgeSeconds}
            onChange={(event) => {
              save({ maxEvents, maxAgeSeconds: Number(event.currentTarget.value) });
            }}
          >
            {choices(AGES_S, maxAgeSeconds).map((seconds) => (
              <option key={seconds} value={seconds}>
                {span(seconds)}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span class="small quiet">{chat.keptMost}</span>
          <select
            class="field"
            value={maxEvents}
            onChange={(event) => {
              save({ maxAgeSeconds, maxEvents: Number(event.currentTarget.value) });
            }}
          >
            {choices(EVENTS, maxEvents).map((events) => (
              <option key={events} value={events}>
                {count(locale.value, events)}
              </option>
            ))}
          </select>
        </label>
      </div>
    </Card>
  );
}
