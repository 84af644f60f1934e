/**
 * What can be counted in a file of Rust without a compiler: functions, public items without documentation, and calls of
 * `unwrap` and `expect`. Tests are left out everywhere.
 */

const RAW_STRING = /^(?:b|c)?r(#*)"/;
const STRING = /^(?:b|c)?"/;
const CHAR = /^b?'(?:\\(?:u\{[0-9a-fA-F_]+\}|x[0-9a-fA-F]{2}|.)|[^\\'])'/su;

/** The text with comments and the contents of literals as spaces. Lengths and line breaks stay, so places do too. */
export function blank(text) {
  let out = '';
  let at = 0;
  const skip = (length) => {
    out += text.slice(at, at + length).replace(/[^\n]/g, ' ');
    at += length;
  };
  while (at < text.length) {
    const rest = text.slice(at, at + 64);
    const inWord = /\w/.test(text[at - 1] ?? '');
    const raw = inWord ? null : RAW_STRING.exec(rest);
    if (rest.startsWith('//')) {
      const end = text.indexOf('\n', at);
      skip((end < 0 ? text.length : end) - at);
    } else if (rest.startsWith('/*')) {
      skip(blockComment(text, at) - at);
    } else if (raw) {
      const close = `"${raw[1]}`;
      const end = text.indexOf(close, at + raw[0].length);
      skip((end < 0 ? text.length : end + close.length) - at);
    } else if (!inWord && STRING.test(rest)) {
      let end = text.indexOf('"', at) + 1;
      while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
      skip(Math.min(end + 1, text.length) - at);
    } else if (!inWord && CHAR.test(rest)) {
      skip(CHAR.exec(rest)[0].length);
    } else {
      out += text[at];
      at += 1;
    }
  }
  return out;
}

/** Where a block comment ends; they nest. */
function blockComment(text, start) {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (text.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

const CLOSES = { '(': ')', '[': ']', '{': '}' };

/** Just behind the bracket that closes the one at `open`. */
export function closing(code, open) {
  const close = CLOSES[code[open]];
  let depth = 0;
  for (let at = open; at < code.length; at += 1) {
    if (code[at] === code[open]) depth += 1;
    else if (code[at] === close && (depth -= 1) === 0) return at + 1;
  }
  return code.length;
}

/** The next `{` or `;` outside of parentheses and square brackets, from `at` on. */
function bodyOrEnd(code, at) {
  let place = at;
  while (place < code.length && code[place] !== '{' && code[place] !== ';') {
    place = code[place] === '(' || code[place] === '[' ? closing(code, place) : place + 1;
  }
  return place;
}

/** `code` (blanked) without items for tests: what follows `#[cfg(test)]` and functions with `#[test]`, as spaces. */
export function withoutTests(code) {
  let out = code;
  for (const match of code.matchAll(/#\[(?:cfg\((?:all\()?test\b|(?:tokio::)?test\b)/g)) {
    const end = bodyOrEnd(code, closing(code, match.index + 1));
    const close = code[end] === '{' ? closing(code, end) : end + 1;
    out = out.slice(0, match.index) + out.slice(match.index, close).replace(/[^\n]/g, ' ') + out.slice(close);
  }
  return out;
}

/** Files that `#[cfg(test)] mod name;` in `code` declares, by module name or by the path that is given. */
export function testModules(code, text) {
  const found = [];
  for (const match of code.matchAll(/#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:#\[path\s*=[^\]]*\]\s*)?(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;/g)) {
    const path = /#\[path\s*=\s*"([^"]+)"/.exec(text.slice(match.index, match.index + match[0].length));
    found.push({ name: match[1], path: path?.[1] });
  }
  return found;
}

const lineOf = (text, at) => text.slice(0, at).split('\n').length;

/** Functions with a body: name, first line and number of lines. */
export function functions(code) {
  const found = [];
  for (const match of code.matchAll(/\bfn\s+(\w+)/g)) {
    const open = bodyOrEnd(code, match.index + match[0].length);
    if (code[open] !== '{') continue;
    const line = lineOf(code, match.index);
    found.push({ name: match[1], line, lines: lineOf(code, closing(code, open) - 1) - line + 1 });
  }
  return found;
}

const ITEM =
  /^(\s*)pub\s+(?:(?:const|async|unsafe|default|extern\s+"\s*")\s+)*(?:(fn|struct|enum|union|trait|type|mod|static|const)\s+(\w+)|(\w+)\s*:(?!:))/;

/** Public items of `code` (without tests) before which no documentation stands in `text`: name and line. */
export function undocumented(code, text) {
  const lines = text.split('\n');
  const codeLines = code.split('\n');
  const found = [];
  codeLines.forEach((line, index) => {
    const item = ITEM.exec(line);
    // A module says at its own top what it is for.
    if (!item || (item[2] === 'mod' && line.includes(';'))) return;
    if (!isDocumented(lines, codeLines, index)) found.push({ name: item[3] ?? item[4], line: index + 1 });
  });
  return found;
}

/** Whether documentation stands above a line, with nothing but attributes and plain comments between. */
function isDocumented(lines, codeLines, index) {
  for (let at = index - 1; at >= 0; at -= 1) {
    if (/^\s*(?:\/\/\/|#\[doc\b|.*\*\/\s*$)/.test(lines[at])) return true;
    const code = codeLines[at].trim();
    if (code === '') {
      if (!/^\s*\/\//.test(lines[at])) return false;
    } else if (code.endsWith(']')) {
      while (at > 0 && !codeLines[at].trim().startsWith('#[')) at -= 1;
    } else {
      return false;
    }
  }
  return false;
}

/** Calls that panic where a value is missing, by name. */
export function panicking(code) {
  return {
    unwrap: [...code.matchAll(/\.unwrap(?:_err)?\(\)/g)].length,
    expect: [...code.matchAll(/\.expect(?:_err)?\(/g)].length,
  };
}
