// Expressions of PromQL, read as far as it takes to know which metrics they use, and to ask them whatever the values are.

/** Words of the language that are no names of metrics, and those that a list of labels follows. */
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'atan2', 'inf', 'nan', 'start', 'end']);
const AGGREGATING = new Set(['by', 'without']);
const LISTING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const COMPARISONS = new Set(['==', '!=', '<=', '>=', '<', '>']);
/** Text, comments, braces with what is in them, ranges, comparisons, numbers with units, names, the rest sign by sign. */
const TOKEN =
  /(?<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<comment>#[^\n]*)|(?<filter>\{(?:"(?:[^"\\]|\\.)*"|[^"}])*\})|(?<range>\[[^\]]*\])|(?<compare>[=!<>]=|[<>])|(?<number>\d[\w.]*)|(?<name>[a-zA-Z_:][\w:]*)|(?<space>\s+)|(?<sign>.)/gsu;

function tokens(expression) {
  return [...expression.matchAll(TOKEN)].map(({ 0: text, groups }) => {
    const [kind] = Object.entries(groups).find(([, value]) => value !== undefined);
    return { kind, text };
  });
}

/** Selectors of metrics: `[{ metric, filter }]`, filters with their braces, or empty. */
export function selectors(expression) {
  const plain = tokens(expression).filter(({ kind }) => kind !== 'space' && kind !== 'comment');
  const found = [];
  let listed = false;
  for (const [index, { kind, text }] of plain.entries()) {
    const next = plain[index + 1];
    if (kind === 'sign' && text === ')') {
      listed = false;
    } else if (kind === 'name' && LISTING.has(text.toLowerCase())) {
      listed = next?.text === '(';
    } else if (kind === 'name' && !listed && !WORDS.has(text.toLowerCase()) && !isCalled(next)) {
      found.push({ metric: text, filter: next?.kind === 'filter' ? next.text : '' });
    }
  }
  return found;
}

/** Whether a name is that of a function or an aggregation, by what follows. */
function isCalled(next) {
  return next?.text === '(' || (next?.kind === 'name' && AGGREGATING.has(next.text.toLowerCase()));
}

/** The same expression with comparisons that say yes or no (1 or 0), so that it has a value whenever its metrics have. */
export function unconditional(expression) {
  const all = tokens(expression);
  return all
    .map(({ kind, text }, index) => {
      const next = all.slice(index + 1).find((token) => token.kind !== 'space');
      return kind === 'compare' && COMPARISONS.has(text) && next?.text !== 'bool' ? `${text} bool ` : text;
    })
    .join('');
}

/** The metrics that an expression uses. */
export function metrics(expression) {
  return [...new Set(selectors(expression).map(({ metric }) => metric))];
}

/** A query of a dashboard with values for its variables. */
export function filled(query, values) {
  return query.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, bare) => {
    const value = values[braced ?? bare];
    if (value === undefined) {
      throw new Error(`unknown variable ${whole} in ${query}`);
    }
    return value;
  });
}
