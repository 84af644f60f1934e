// The result as a table for people (Markdown).

import { isBusy } from './machine.js';
import { BOUNDS } from './verdict.js';

const SHOWN = [
  ['newcomers refused', 'newcomers'],
  ['lines lost', 'lines'],
  ['chat newcomers refused', 'chat newcomers'],
  ['logins refused', 'logins'],
  ['encoders refused', 'encoders'],
];

/** Rows beside what was seen of the programs before they were mended: `before` is `{ measured, rows }`. */
export function markdown(rows, before) {
  const head = ['attack', 'what strangers do', 'bound of its own', 'before', 'now', 'broken'];
  const body = rows.map(({ name, about, bounds, found, failures }) => {
    const then = before?.rows[name];
    return [
      name,
      about,
      bounded(bounds) || '–',
      then === undefined ? 'not measured' : state(then),
      state({ found, failures }),
      failures.length === 0 ? 'nothing' : failures.join('; '),
    ].map(cell);
  });
  const table = [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const notes = [`For all rows: ${bounded(BOUNDS)}.`, ...(before === undefined ? [] : [`Before: ${before.measured}.`])];
  return [table, ...notes].join('\n\n');
}

/** What was seen, in a line. */
export function found(facts, counts) {
  const parts = SHOWN.filter(([name]) => facts[name] !== undefined).map(
    ([name, all]) => `${facts[name]} of ${facts[all]} ${name}`,
  );
  const viewers =
    facts['viewers refused'] === undefined
      ? []
      : [
          `viewers refused ${facts['viewers refused']}, stalls ${facts.stalls}, parts p95 ${facts['part delay p95 ms']} ms`,
        ];
  const memory = ['edge', 'origin'].map(
    (name) => `${name} ${facts[`${name} before MiB`]} → ${facts[`${name} peak MiB`]} MiB`,
  );
  const others = isBusy(facts) ? [`others used ${facts['cores of others']} cores`] : [];
  const own = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  return [...viewers, ...parts, `lines p95 ${facts['line delay p95 ms']} ms`, ...memory, ...own, ...others].join(', ');
}

function state({ found: text, failures }) {
  return `${failures.length === 0 ? 'kept' : 'BROKEN'}: ${text}`;
}

/** Bounds in words. */
function bounded(bounds) {
  const one = ([name, bound]) => {
    if (bound === null) {
      return `${name}: any`;
    }
    return typeof bound === 'object' ? `${name} ≥ ${bound.least}` : `${name} ≤ ${bound}`;
  };
  return Object.entries(bounds).map(one).join(', ');
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
