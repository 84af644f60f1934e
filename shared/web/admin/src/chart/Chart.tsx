/**
 * Measurements over time: a line, with the value and the time where the pointer is. The chart takes the focus, and arrow keys lead
 * from value to value, so that keyboards and screen readers read each of them too.
 */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { timeOfDay } from "@common/text/format";
import { locale } from "@common/text/language";
import { theme } from "@common/theme";

import { text } from "../text";
import type { Plot } from "./plot";
import { columnsOf, placeAfter } from "./series";
import type { Measured } from "./series";

interface Props {
  readonly name: string;
  readonly values: readonly Measured[];
  readonly top?: number;
  readonly shown: (value: number) => string;
}

/**
 * A chart of measurements, with the value at the pointer or at the place that arrow keys chose, else the newest one.
 * `top` fixes the highest value of its scale, and `shown` words a value.
 */
export function Chart({ name, values, top, shown }: Props): JSX.Element {
  const { dashboard } = text.value;
  const root = useRef<HTMLDivElement>(null);
  const drawn = useRef<Plot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const columns = useMemo(() => columnsOf(values), [values]);
  const [times, measured] = columns;
  // What is drawn later asks for the newest of these.
  const now = useRef({ columns, shown });
  now.current = { columns, shown };

  useEffect(() => {
    const element = root.current;
    let isThere = true;
    let stopFollowing: () => void = () => undefined;
    void import("./plot").then(({ plot }) => {
      if (!isThere || element === null) return;
      const made = plot(element, {
        top,
        valueWords: () => now.current.shown,
        timeWords: () => (atMs) => timeOfDay(locale.peek(), atMs),
        onCursor: setAt,
      });
      made.show(now.current.columns);
      drawn.current = made;
      stopFollowing = followLook(made.refresh);
    });
    return () => {
      isThere = false;
      stopFollowing();
      drawn.current?.stop();
      drawn.current = null;
    };
  }, [top]);
  useEffect(() => {
    drawn.current?.show(columns);
  }, [columns]);

  const last = measured.length - 1;
  const place = at === null ? last : Math.min(at, last);
  const words = (index: number): string => {
    const [value, time] = [measured[index], times[index]];
    return value === undefined || time === undefined
      ? dashboard.tooNew
      : dashboard.valueAt(shown(value), timeOfDay(locale.value, time * 1_000));
  };
  const value = measured[place];
  return (
    <figure class="chart">
      <figcaption>
        <span class="quiet small">{name}</span>
        <strong>{value === undefined ? "–" : shown(value)}</strong>
      </figcaption>
      <div
        ref={root}
        class="plot"
        tabIndex={0}
        role="slider"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={Math.max(0, place)}
        aria-valuetext={words(place)}
        onKeyDown={(event) => {
          const next = event.key === "Escape" ? null : placeAfter(event.key, at, measured.length);
          if (next === null && event.key !== "Escape") return;
          event.preventDefault();
          drawn.current?.point(next);
          setAt(next);
        }}
        onBlur={() => {
          drawn.current?.point(null);
        }}
      />
      <span class="quiet small at">
        {at === null
          ? measured.length > 1
            ? dashboard.most(shown(Math.max(...measured)))
            : dashboard.tooNew
          : words(place)}
      </span>
    </figure>
  );
}

/** Calls when the page becomes light or dark, or speaks another language. */
function followLook(changed: () => void): () => void {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  // After the page has taken it over.
  const later = (): void => void requestAnimationFrame(changed);
  system.addEventListener("change", later);
  const stops = [theme.subscribe(later), locale.subscribe(later)];
  return () => {
    system.removeEventListener("change", later);
    for (const stop of stops) stop();
  };
}
