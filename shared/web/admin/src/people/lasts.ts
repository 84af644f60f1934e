/** How long a ban lasts. Pure. */

/** The spans that a ban can last, the shortest first. */
export const LASTS = ["hour", "day", "week", "month", "forGood"] as const;
/** How long a ban lasts: one of `LASTS`. */
export type Lasts = (typeof LASTS)[number];

const HOURS: Readonly<Record<Lasts, number | null>> = {
  hour: 1,
  day: 24,
  week: 7 * 24,
  month: 30 * 24,
  forGood: null,
};

/** When one ends that begins now; null is never. */
export function endOf(lasts: Lasts, nowMs: number): string | null {
  const hours = HOURS[lasts];
  return hours === null ? null : new Date(nowMs + hours * 3_600_000).toISOString();
}
