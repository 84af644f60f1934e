/** The owner's variables while they are edited. Pure. */
import { NAMES } from "@common/appearance";
import type { Variables } from "@common/appearance";

const KNOWN: ReadonlySet<string> = new Set(Object.values(NAMES));

/** With one set, or without it where the value is empty. */
export function withValue(given: Variables, name: string, value: string): Variables {
  const rest = Object.entries(given).filter(([key]) => key !== name);
  const all = value === "" ? rest : [...rest, [name, value] as const];
  // In the order in which the server gives them, so that what is put back counts as unchanged.
  return Object.fromEntries(all.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Names that are set and that this page has no field for. */
export function othersOf(given: Variables): string[] {
  return Object.keys(given).filter((name) => !KNOWN.has(name));
}
