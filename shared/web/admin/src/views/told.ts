/** What the figures of playback mean. Pure. */
import type { Schema } from "@common/api/client";

type Now = Schema<"Playback">;
/** What kind of error players told of. */
export type ErrorKind = keyof Now["errors"];

/** From here on it is worth to look: a picture that stands now and then is a viewer's own network. */
const MANY_STALLED = 0.05;
/** Errors for each viewer. */
const MANY_ERRORS = 0.1;

/** Of viewers who told something, those whose picture stood; 0 to 1. */
export function shareStalled({ viewers, stalledViewers }: Now): number {
  return viewers === 0 ? 0 : stalledViewers / viewers;
}

/** Kinds of errors that there were, the most frequent first. */
export function errorsOf({ errors }: Now): { readonly kind: ErrorKind; readonly times: number }[] {
  return (Object.keys(errors) as ErrorKind[])
    .map((kind) => ({ kind, times: errors[kind] }))
    .filter(({ times }) => times > 0)
    .sort((one, other) => other.times - one.times);
}

/** How playback goes for all viewers: nobody knows, well, with pictures that stand, or with errors. */
export type State = "unknown" | "well" | "stalls" | "errors";

/** Nobody told anything, or it goes well for nearly all, or what the worst is. */
export function stateOf(now: Now): State {
  const errors = errorsOf(now).reduce((sum, { times }) => sum + times, 0);
  if (now.viewers === 0) return errors === 0 ? "unknown" : "errors";
  if (shareStalled(now) > MANY_STALLED) return "stalls";
  return errors > MANY_ERRORS * now.viewers ? "errors" : "well";
}
