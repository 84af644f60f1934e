/** The log as it grows. Pure. */
import type { Schema } from "@common/api/client";

type Line = Schema<"LogEntry">;

/** As many as the origin keeps. */
const KEPT = 500;

export function grown(before: readonly Line[], { goesOn, lines }: Schema<"AdminLog">): readonly Line[] {
  return goesOn ? [...before, ...lines].slice(-KEPT) : lines;
}
