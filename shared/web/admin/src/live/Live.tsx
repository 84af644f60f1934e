/** What is told live, or that it is being asked for, or that it is not told any more and since when. */
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";

import { Icon } from "@common/icons";
import { timeOfDay } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import { askAgain, connection, state, trouble, useLive } from "./live";

/**
 * Shows a value that the server tells live, or that it is loading; above it that the page is not told any more, and
 * since when.
 */
export function Live<T>(props: {
  readonly of: ReadonlySignal<T | null>;
  /** Whether it is inside of another one, which says how the page stands with the server. */
  readonly isInner?: boolean;
  readonly children: (value: T) => ComponentChildren;
}): JSX.Element {
  useLive();
  const value = props.of.value;
  return (
    <>
      {props.isInner !== true && <Standing isShown={value !== null} />}
      {value === null ? (
        connection.value !== "away" && (
          <p class="quiet" role="status">
            {text.value.loading}
          </p>
        )
      ) : (
        <>{props.children(value)}</>
      )}
    </>
  );
}

function Standing({ isShown }: { readonly isShown: boolean }): JSX.Element {
  const { live } = text.value;
  const isAway = connection.value === "away";
  const told = state.value === null ? null : timeOfDay(locale.value, Date.parse(state.value.time));
  return (
    <div role="status" class="live-standing" data-connection={connection.value}>
      {isAway && (
        <p class="notice bad">
          <Icon name="warn" />
          <span>
            {isShown && told !== null ? live.awaySince(told) : live.away} {trouble.value}
          </span>
          <button type="button" class="text-button" onClick={askAgain}>
            {text.value.tryAgain}
          </button>
        </p>
      )}
      {connection.value === "polling" && <p class="quiet small">{live.polling}</p>}
    </div>
  );
}
