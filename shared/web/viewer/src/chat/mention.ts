/** Whether a message speaks to somebody. */

/** Whether the HTML of a message may have `name` in its text: a glance that spares nearly all messages the reading of HTML. */
export function mayMention(html: string, name: string): boolean {
  return /[<>&"']/u.test(name) || html.toLowerCase().includes(name.trim().toLowerCase());
}

/** Whether `text` has `name` as a word, with or without an @. Names of one or two letters only with it. */
export function mentions(text: string, name: string): boolean {
  const wanted = name.trim().toLowerCase();
  if (wanted === "") return false;
  const words = text.toLowerCase();
  const isWordChar = (char: string | undefined): boolean => char !== undefined && /[\p{L}\p{N}_]/u.test(char);
  for (let at = words.indexOf(wanted); at >= 0; at = words.indexOf(wanted, at + 1)) {
    const before = words[at - 1];
    const isWhole = !isWordChar(before) && !isWordChar(words[at + wanted.length]);
    if (isWhole && (before === "@" || wanted.length > 2)) return true;
  }
  return false;
}
