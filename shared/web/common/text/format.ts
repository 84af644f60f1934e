/**
 * Numbers, times and spans as people of a locale (`locale` of language.ts) write them. Making a formatter takes a hundred times as
 * long as using it, and a chat has two times in each line, so each is made once.
 */

type Kind = "NumberFormat" | "DateTimeFormat" | "RelativeTimeFormat";

const made = new Map<string, unknown>();

function formatter<K extends Kind>(kind: K, locale: string, options: object): InstanceType<(typeof Intl)[K]> {
  const key = `${kind} ${locale} ${JSON.stringify(options)}`;
  const Made = Intl[kind] as unknown as new (
    locale: string,
    options: object,
  ) => InstanceType<(typeof Intl)[K]>;
  const known = made.get(key) ?? new Made(locale, options);
  made.set(key, known);
  return known as InstanceType<(typeof Intl)[K]>;
}

const SPANS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** `3 hours ago`; less than a minute is `now`. */
export function ago(locale: string, seconds: number): string {
  const format = formatter("RelativeTimeFormat", locale, { numeric: "auto" });
  const [unit, length] = SPANS.find(([, span]) => seconds >= span) ?? ["second", Infinity];
  return format.format(length === Infinity ? 0 : -Math.floor(seconds / length), unit);
}

/** `1:05:09` */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** `12,345`; with `digits` behind the point. */
export function count(locale: string, value: number, digits = 0): string {
  const digitsOf = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return formatter("NumberFormat", locale, digitsOf).format(value);
}

/** `1.2K` where there is little room. */
export function shortCount(locale: string, value: number): string {
  return formatter("NumberFormat", locale, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

/** `14:05` */
export function timeOfDay(locale: string, atMs: number): string {
  return formatter("DateTimeFormat", locale, { hour: "2-digit", minute: "2-digit" }).format(atMs);
}

/** The whole date, for what is shown on demand. */
export function dateAndTime(locale: string, atMs: number): string {
  return formatter("DateTimeFormat", locale, { dateStyle: "medium", timeStyle: "short" }).format(atMs);
}
