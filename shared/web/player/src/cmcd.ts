/**
 * Common Media Client Data version 1 (CTA-5004) as text: a list of keys in the order of the alphabet, of which true has no
 * value and words are in quotes but for the few that the standard has as tokens.
 */

/** Keys whose words are tokens. */
const TOKENS: readonly string[] = ["ot", "sf", "st"];
/** Begins keys that the standard does not have: a name in reverse DNS that nobody else can have. */
export const OWN = "internal.farcast-";

/** The keys of CMCD that are told, with their values. */
export type Keys = Readonly<Record<string, number | string | boolean | undefined>>;

/** What is undefined, false or no number is left out. Numbers are rounded. */
export function cmcdText(keys: Keys): string {
  return Object.keys(keys)
    .sort()
    .map((key) => written(key, keys[key]))
    .filter((text) => text !== undefined)
    .join(",");
}

function written(key: string, value: Keys[string]): string | undefined {
  if (value === true) return key;
  if (typeof value === "number") return Number.isFinite(value) ? `${key}=${Math.round(value)}` : undefined;
  if (typeof value !== "string") return undefined;
  return TOKENS.includes(key) ? `${key}=${value}` : `${key}=${JSON.stringify(value)}`;
}

/** Rounded to hundreds, as the standard wants buffers and throughputs. */
export function hundreds(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value / 100) * 100;
}
