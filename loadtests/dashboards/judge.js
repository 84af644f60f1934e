// Whether a Prometheus can answer what dashboards and alerts ask.

import { metrics, unconditional } from './expression.js';

/**
 * Asks once more for what has had no answer. `asked` are `{ where, expression }`; `prometheus` is asked; `known` are the names
 * of metrics that were scraped or recorded; `exceptions` are texts by the beginning of `where`: why there can be no answer here.
 * Returns `{ faults, waiting }`: what will not become right, and what may have an answer later, with the reason so far.
 */
export async function judge(asked, prometheus, known, exceptions) {
  const faults = [];
  const waiting = [];
  for (const { where, expression } of asked) {
    const excepted = Object.keys(exceptions).some((beginning) => where.startsWith(beginning));
    const missing = metrics(expression).filter((name) => !known.has(name));
    let series;
    try {
      series = await prometheus.query(expression);
    } catch (error) {
      faults.push(`${where}: ${error.message}`);
      continue;
    }
    const answered = series.some(({ value }) => Number.isFinite(value));
    if (excepted && answered) {
      faults.push(`${where}: it is an exception, and has an answer nevertheless`);
    } else if (missing.length > 0 && !excepted) {
      waiting.push({ where, expression, why: `no program exports ${missing.join(', ')}` });
    } else if (!answered && !excepted) {
      waiting.push({ where, expression, why: series.length === 0 ? 'no series' : 'no number' });
    }
  }
  return { faults, waiting };
}

/** What rules ask, as `judge` takes it, and what is wrong with them already. */
export function ofRules(rules) {
  const asked = rules.map(({ name, labels, query }) => ({
    where: `rule ${name}${labels?.cause === undefined ? '' : ` ${labels.cause}`}${labels?.limit === undefined ? '' : ` ${labels.limit}`}`,
    expression: unconditional(query),
  }));
  const faults = rules.filter(({ health }) => health === 'err').map(({ name, lastError }) => `rule ${name}: ${lastError}`);
  return { asked, faults };
}

/** Exceptions that no query needs: a list that nobody clears would hide what breaks. */
export function unneeded(asked, exceptions) {
  return Object.keys(exceptions)
    .filter((beginning) => !asked.some(({ where }) => where.startsWith(beginning)))
    .map((beginning) => `the exception ${beginning} is of no query`);
}
