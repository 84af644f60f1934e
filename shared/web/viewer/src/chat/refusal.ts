/**
 * Why the server did not take a line. It tells its writer alone, by an action in English, as Owncast does: a CHAT_ACTION has an id,
 * a time and these words, and nothing else that says why. The page knows the sentences and says the same in the viewer's language,
 * beside the field where one writes. A test looks for each of them in the server's source.
 */

/**
 * `flooding`: too many lines, nothing is taken for a while; `newcomer`: only those may write who have been here for some time;
 * `over`: the broadcast and its chat are over; `busy`: too much is said at once.
 */
export type Refusal = "flooding" | "newcomer" | "too-large" | "over" | "busy" | "interrupted";

/** How the sentences of `edge/src/chat` begin. */
export const BEGINNINGS: readonly (readonly [string, Refusal])[] = [
  ["You are temporarily blocked from sending chat messages", "flooding"],
  ["You have not been an established chat participant", "newcomer"],
  ["Sorry, that message exceeded the maximum size", "too-large"],
  ["The stream has ended, and the chat with it", "over"],
  ["Too much is said", "busy"],
  ["The chat is interrupted", "interrupted"],
  ["The chat was interrupted", "interrupted"],
];

/** What an action refuses; none where it is news for everybody. */
export function refusalOf(html: string): Refusal | undefined {
  const words = html.replace(/<[^>]*>/gu, "").trim();
  return BEGINNINGS.find(([beginning]) => words.startsWith(beginning))?.[1];
}

/** So long is nothing taken from who wrote too much. */
export const MUTED_MS = 10_000;
/** So long must somebody have been here where newcomers may not write. */
export const NEWCOMER_MS = 15 * 60_000;
