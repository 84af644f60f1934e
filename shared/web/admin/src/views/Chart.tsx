/** A small line of measurements with the newest in figures. */
import type { JSX } from "preact";

import type { Schema } from "@common/api/client";

import { text } from "../text";
import { points, topOf } from "./curve";

const [WIDTH, HEIGHT] = [240, 56];

interface Props {
  readonly name: string;
  readonly values: readonly Schema<"TimestampedValue">[];
  readonly top?: number;
  readonly shown: (value: number) => string;
}

export function Chart({ name, values, top, shown }: Props): JSX.Element {
  const { dashboard } = text.value;
  const newest = values.at(-1);
  const line = points(values, WIDTH, HEIGHT, top);
  return (
    <figure class="chart">
      <figcaption>
        <span class="quiet small">{name}</span>
        <strong>{newest === undefined ? "–" : shown(newest.value)}</strong>
      </figcaption>
      <svg viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`} preserveAspectRatio="none" aria-hidden="true">
        <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} class="axis" />
        {values.length > 1 && (
          <>
            <polygon points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} class="area" />
            <polyline points={line} class="curve" />
          </>
        )}
      </svg>
      <span class="quiet small">
        {values.length > 1
          ? dashboard.most(shown(Math.max(...values.map(({ value }) => value))))
          : dashboard.tooNew}
      </span>
      <span class="unseen">{dashboard.scale(shown(topOf(values, top)))}</span>
    </figure>
  );
}
