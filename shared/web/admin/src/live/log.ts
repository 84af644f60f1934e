/** The log as it grows. Pure. */
import type { Schema } from "@common/api/client";

type Line = Schema<"LogEntry">;

/** As many as the origin keeps. */
const KEPT = 500;

/**
 * The log after an event: its lines behind those of before, the newest 500 of all, or in their place where it does
 * not go on.
 */
export function grown(before: readonly Line[], { goesOn, lines }: Schema<"AdminLog">): readonly Line[] {
  return goesOn ? [...before, ...lines].slice(-KEPT) : lines;
}
