/** Measurements over time as the points of a line in a box. Pure. */
import type { Schema } from "@common/api/client";

type Measured = Schema<"TimestampedValue">;

/** The highest value that a scale shows: what is given, or the values' own highest. */
export function topOf(values: readonly Measured[], top?: number): number {
  return top ?? Math.max(1, ...values.map(({ value }) => value));
}

/** Points for `<polyline>`, the first at the left edge and the last at the right one. */
export function points(values: readonly Measured[], width: number, height: number, top?: number): string {
  const first = Date.parse(values[0]?.time ?? "");
  const span = Date.parse(values.at(-1)?.time ?? "") - first;
  const most = topOf(values, top);
  return values
    .map(({ time, value }) => {
      const x = span > 0 ? ((Date.parse(time) - first) / span) * width : width;
      const y = height - (Math.min(Math.max(value, 0), most) / most) * height;
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}
