/** A stream key that nobody guesses: 120 random bits, in letters and digits that are not taken for each other. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789_";
const LENGTH = 24;

/**
 * A new stream key of 24 characters. `random` fills the bytes that choose them: by the browser's secure source, but
 * for tests.
 */
export function newKey(random: (bytes: Uint8Array<ArrayBuffer>) => void = fill): string {
  const bytes = new Uint8Array(LENGTH);
  random(bytes);
  // 32 letters: five bits of each byte choose one, all alike.
  return [...bytes].map((byte) => LETTERS[byte % LETTERS.length] ?? "").join("");
}

function fill(bytes: Uint8Array<ArrayBuffer>): void {
  crypto.getRandomValues(bytes);
}
