/** What is offered while one types: emoji behind a colon, names behind an @. */
import { search, written } from "./emoji";
import type { Emoji } from "./emoji";

/** Something that is offered in place of what is typed. */
export interface Offer {
  /** Names it among the others. */
  readonly key: string;
  readonly label: string;
  readonly emoji?: Emoji;
  /** What takes the place of what was typed. */
  readonly text: string;
}

/** What is offered for the text before the caret, at most eight, the best first. */
export interface Completion {
  /** Where what was typed begins. */
  readonly from: number;
  readonly offers: readonly Offer[];
}

const MOST_OFFERS = 8;

/** The offers for what stands before the caret; none where nothing is to be completed. */
export function complete(
  typed: string,
  caret: number,
  names: () => readonly string[],
  own: readonly Emoji[],
): Completion | undefined {
  const before = typed.slice(0, caret);
  const emoji = /(?:^|\s):([\p{L}\p{N}_+-]{2,32})$/u.exec(before)?.[1];
  if (emoji !== undefined) {
    const offers = search(emoji, own).slice(0, MOST_OFFERS);
    const offer = (found: Emoji): Offer => ({
      key: `${found.name} ${found.url ?? ""}`,
      label: `:${found.name}:`,
      emoji: found,
      text: `${written(found)} `,
    });
    return offers.length === 0 ? undefined : { from: caret - emoji.length - 1, offers: offers.map(offer) };
  }
  const name = /(?:^|\s)@([^\s@]{0,30})$/u.exec(before)?.[1];
  if (name === undefined) return undefined;
  const wanted = name.toLowerCase();
  const found = names()
    .filter((one) => one.toLowerCase().startsWith(wanted))
    .slice(0, MOST_OFFERS);
  const offers = found.map((one) => ({ key: one, label: one, text: `@${one} ` }));
  return offers.length === 0 ? undefined : { from: caret - name.length - 1, offers };
}

/** The text with an offer in place of what was typed, and where the caret is then. */
export function accept(
  typed: string,
  caret: number,
  from: number,
  offer: Offer,
): { text: string; caret: number } {
  const begin = typed.slice(0, from) + offer.text;
  return { text: begin + typed.slice(caret).replace(/^ /u, ""), caret: begin.length };
}

/** `:name:` of Unicode's emoji as characters; the server knows only its own. */
export function withCharacters(text: string, own: readonly Emoji[]): string {
  const isOwn = new Set(own.map(({ name }) => name));
  return text.replace(/:([\p{L}\p{N}_+-]{1,32}):/gu, (whole, name: string) => {
    if (isOwn.has(name)) return whole;
    return search(name, []).find((emoji) => emoji.name === name)?.char ?? whole;
  });
}
