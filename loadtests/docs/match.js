// Which rule deals with which command.

/**
 * Gives each command its rule.
 * @param {{ file: string, line: number, text: string }[]} commands What documents have.
 * @param {{ command: RegExp }[]} rules The first that matches counts.
 * @returns {{ matched: { command: object, rule: object }[], faults: string[] }} Faults are commands without a rule, and rules
 *   without a command: those that nothing needs would hide what is new.
 */
export function match(commands, rules) {
  const matched = [];
  const faults = [];
  for (const command of commands) {
    const rule = rules.find(({ command: pattern }) => pattern.test(command.text));
    if (rule === undefined) {
      faults.push(`${place(command)}: no rule deals with this command: ${command.text}`);
    } else {
      matched.push({ command, rule });
    }
  }
  const used = new Set(matched.map(({ rule }) => rule));
  const idle = rules.filter((rule) => !used.has(rule));
  faults.push(...idle.map(({ command }) => `rules.js: no document has a command for ${command}`));
  return { matched, faults };
}

/** What is wrong with texts that no pattern needs. */
export function idleTexts(texts, rules) {
  return rules
    .filter(({ first }) => !texts.some(({ lines }) => first.test(lines[0])))
    .map(({ first }) => `rules.js: no document has a block that begins with ${first}`);
}

/** Where something is, for people. */
export function place({ file, line }) {
  return `${file}:${line}`;
}

/**
 * What is wrong with a claim that other files make true.
 * @param {[string, string][]} claims Files and the words that each must have.
 * @param {(file: string) => string | undefined} text The text of a file, if there is one.
 */
export function claimFaults(claims, text) {
  return claims
    .filter(([file, word]) => !text(file)?.includes(word))
    .map(([file, word]) => `${file} has no ${JSON.stringify(word)}`);
}
