/** Log lines that are looked for. Pure. */
import type { Schema } from "@common/api/client";

/** A line of the origin's log. */
export type Line = Schema<"LogEntry">;

/** The least level that is shown. */
export const LEAST = ["all", "warning", "error"] as const;
/** The least level of the lines that are shown: one of `LEAST`. */
export type Least = (typeof LEAST)[number];

const SHOWN: Readonly<Record<Least, readonly Line["level"][]>> = {
  all: ["trace", "debug", "info", "warning", "error"],
  warning: ["warning", "error"],
  error: ["error"],
};

/** The newest first; each word has to be in a line, wherever. */
export function filterLog(lines: readonly Line[], least: Least, sought: string): Line[] {
  const words = sought.toLowerCase().split(/\s+/u);
  return lines
    .filter(({ level, message }) => {
      const said = message.toLowerCase();
      return SHOWN[least].includes(level) && words.every((word) => said.includes(word));
    })
    .reverse();
}
