/** The origin's newest log lines, by level and by word. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { Schema } from "@common/api/client";
import { Icon } from "@common/icons";
import { count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { Live } from "../live/Live";
import { log } from "../live/live";
import { text } from "../text";
import { filterLog, LEAST } from "./log";
import type { Least } from "./log";
import { Card } from "./parts";

const SHOWN = 200;

/** The part with the origin's log: the newest 200 of the lines that have the level and the words that are sought. */
export function Logs(): JSX.Element {
  const { logs } = text.value;
  const [least, setLeast] = useState<Least>("all");
  const [sought, setSought] = useState("");
  return (
    <Card title={logs.title} intro={logs.intro}>
      <div class="filters">
        <label class="grow">
          <span class="unseen">{logs.search}</span>
          <input
            class="field"
            type="search"
            placeholder={logs.search}
            value={sought}
            onInput={(event) => {
              setSought(event.currentTarget.value);
            }}
          />
        </label>
        <label>
          <span class="unseen">{logs.level}</span>
          <select
            class="field"
            value={least}
            onChange={(event) => {
              setLeast(LEAST.find((one) => one === event.currentTarget.value) ?? "all");
            }}
          >
            {LEAST.map((one) => (
              <option key={one} value={one}>
                {logs.levels[one]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Live of={log}>
        {(all) => {
          const found = filterLog(all, least, sought);
          return (
            <>
              <p class="quiet small" role="status">
                {found.length === 0 ? logs.none : logs.found(count(locale.value, found.length))}
              </p>
              <ul class="log">
                {found.slice(0, SHOWN).map((line, index) => (
                  <Line key={`${line.time}${index}`} line={line} />
                ))}
              </ul>
            </>
          );
        }}
      </Live>
    </Card>
  );
}

function Line({ line: { time, level, message } }: { readonly line: Schema<"LogEntry"> }): JSX.Element {
  const isBad = level === "warning" || level === "error";
  return (
    <li class={level}>
      <Icon name={isBad ? "warn" : "info"} />
      <span dir="auto" lang="en">
        <span class="unseen">{level}: </span>
        {message}
      </span>
      <time class="quiet small" dateTime={time}>
        {dateAndTime(locale.value, Date.parse(time))}
      </time>
    </li>
  );
}
