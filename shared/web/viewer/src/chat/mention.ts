/** Whether a message speaks to somebody. */

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
