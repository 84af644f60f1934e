// What a document tells its reader to type: the lines of its blocks, and what stands between backquotes.

/** Languages of blocks whose lines may be commands. */
const SHELLS = new Set(['', 'sh', 'bash', 'console']);
/** What commands between backquotes begin with; in blocks a command may begin with anything. */
const COMMANDS = new Set([
  ...[
    'farcast-origin',
    'farcast-edge',
    'farcast-load',
    'farcast-wan',
    'make',
    'cargo',
    'npm',
    'node',
    'pip',
    'ffmpeg',
    'promtool',
  ],
  ...['curl', 'dig', 'systemctl', 'systemd-analyze', 'journalctl', 'runuser', 'sudo', 'apt', 'apt-get', 'dpkg', 'man', 'nft'],
  ...['docker', 'podman', 'kubectl', 'fdbcli', 'fdbbackup', 'fdbrestore'],
  ...['install', 'cp', 'rm', 'cd', 'chgrp', 'chmod', 'stat', 'du', 'iostat', 'smartctl', 'chronyc', 'ulimit'],
]);
const ASSIGNMENT = /^[A-Z_]+=\S*$/u;
const SETTING = /^[a-z][a-z0-9_]* = \S/u;

/**
 * The fenced blocks of a document.
 * @param {string} text The document.
 * @returns {{ line: number, language: string, lines: string[] }[]} With the number of the first line within the fence; lines
 *   are without the indentation of the fence.
 */
export function blocks(text) {
  const found = [];
  let open;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^( *)```(\S*)\s*$/u.exec(line);
    if (open !== undefined && fence !== null) {
      found.push(open);
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line.trimStart());
    } else if (fence !== null) {
      open = { line: index + 2, language: fence[2], indent: fence[1], lines: [] };
    }
  }
  return found.map(({ line, language, lines }) => ({ line, language, lines }));
}

/** The document with nothing in its blocks: its lines keep their numbers. */
export function prose(text) {
  const lines = text.split('\n');
  for (const { line, lines: within } of blocks(text)) {
    lines.fill('', line - 2, line + within.length);
  }
  return lines.join('\n');
}

/**
 * What stands between backquotes, outside of blocks.
 * @param {string} text The document.
 * @returns {{ line: number, text: string, paragraph: number }[]} White space is one space, as it is shown; `paragraph` is the
 *   same for spans of one paragraph.
 */
export function spans(text) {
  const found = [];
  let line = 1;
  for (const [paragraph, part] of prose(text).split('\n\n').entries()) {
    for (const { 1: span, index } of part.matchAll(/`([^`]+)`/gu)) {
      const before = part.slice(0, index).split('\n').length - 1;
      found.push({ line: line + before, text: span.replace(/\s+/gu, ' '), paragraph });
    }
    line += part.split('\n').length + 1;
  }
  return found;
}

/** A command without the comment behind it. A `#` is one behind white space, outside of quotes. */
export function uncommented(line) {
  let quote;
  for (const [index, sign] of [...line].entries()) {
    if (quote !== undefined) {
      quote = sign === quote ? undefined : quote;
    } else if (sign === "'" || sign === '"') {
      quote = sign;
    } else if (sign === '#' && (index === 0 || /\s/u.test(line[index - 1]))) {
      return line.slice(0, index).trimEnd();
    }
  }
  return line.trimEnd();
}

/** Whether all that a block has is settings. */
function isSettings(lines) {
  const kept = lines.map(uncommented).filter((line) => line !== '');
  return kept.length > 0 && kept.every((line) => SETTING.test(line));
}

/** The commands of a block's lines: those that end with a backslash go on in the next one. */
function commandsOf({ line, lines }) {
  const found = [];
  let open;
  for (const [index, text] of lines.entries()) {
    const kept = uncommented(open === undefined ? text : text.trim());
    if (open !== undefined) {
      open.text = `${open.text} ${kept}`;
    } else if (kept !== '') {
      open = { line: line + index, text: kept };
    }
    if (open?.text.endsWith('\\')) {
      open.text = open.text.slice(0, -1).trimEnd();
    } else if (open !== undefined) {
      found.push(open);
      open = undefined;
    }
  }
  return open === undefined ? found : [...found, open];
}

/** Whether a span is a command: by its first word behind assignments. One that has nothing else is only named. */
function isCommand(text) {
  const [first, ...rest] = text.split(' ').filter((word) => !ASSIGNMENT.test(word));
  return rest.length > 0 && (COMMANDS.has(first) || /^\.\/[\w-]+\.sh$/u.test(first));
}

/**
 * All that a document has for this test.
 * @param {string} file Its path, for messages.
 * @param {string} text The document.
 * @param {(first: string) => boolean} isText Whether the block that begins with this line is no command.
 * @returns {{ commands: object[], settings: object[], texts: object[] }} Commands have `file`, `line`, `text` and `where`
 *   (`block` or `span`); settings `file`, `line` and `lines`; texts, which are neither, `file`, `line`, `lines`.
 */
export function read(file, text, isText) {
  const commands = [];
  const settings = [];
  const texts = [];
  for (const block of blocks(text)) {
    const { line, lines } = block;
    if (isText(lines[0])) {
      texts.push({ file, line, lines });
    } else if (isSettings(lines)) {
      settings.push({ file, line, lines });
    } else if (SHELLS.has(block.language)) {
      commands.push(...commandsOf(block).map((command) => ({ file, ...command, where: 'block' })));
    } else {
      texts.push({ file, line, lines });
    }
  }
  const paragraphs = new Map();
  for (const { line, text: span, paragraph } of spans(text)) {
    if (isCommand(span)) {
      commands.push({ file, line, text: span, where: 'span' });
    } else if (SETTING.test(span)) {
      const { lines } = paragraphs.get(paragraph) ?? paragraphs.set(paragraph, { line, lines: [] }).get(paragraph);
      lines.push(span);
    }
  }
  settings.push(...[...paragraphs.values()].map((one) => ({ file, ...one })));
  commands.sort((one, other) => one.line - other.line);
  return { commands, settings, texts };
}
