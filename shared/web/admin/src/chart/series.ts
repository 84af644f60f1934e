/** Measurements over time, as charts take them. Pure. */
import type { Schema } from "@common/api/client";

/** One measurement of the API: a value, and when it was measured. */
export type Measured = Schema<"TimestampedValue">;

/** Seconds since 1970, growing, and the values then. */
export type Columns = [times: number[], values: number[]];

/** Measurements as columns, the oldest first; one whose time cannot be read is left out. */
export function columnsOf(measured: readonly Measured[]): Columns {
  const sorted = measured
    .map(({ time, value }) => [Date.parse(time) / 1_000, value] as const)
    .filter(([time]) => !Number.isNaN(time))
    .sort(([one], [other]) => one - other);
  return [sorted.map(([time]) => time), sorted.map(([, value]) => value)];
}

/** The highest value that a scale shows: what is given, or a little more than the values' own highest. */
export function topOf(values: readonly number[], top?: number): number {
  return top ?? Math.max(1, ...values) * 1.1;
}

/** The next place that keys lead to among so many, from one or from nowhere, which is the newest; null if the key leads nowhere. */
export function placeAfter(key: string, at: number | null, length: number): number | null {
  const last = length - 1;
  if (last < 0) return null;
  const from = at ?? last;
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return at === null ? last : Math.max(0, from - 1);
    case "ArrowRight":
    case "ArrowUp":
      return Math.min(last, from + 1);
    case "PageDown":
      return Math.max(0, from - 10);
    case "PageUp":
      return Math.min(last, from + 10);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}
