// Alert rules as a file, and what is said of them: rules that are tested, sections that say what to do.
//
// The file is read line by line, as it is written here: Prometheus itself judges it as YAML.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { INFRA } from './boards.js';

const RULES = join(INFRA, 'prometheus/alerts.yml');
const TESTS = join(INFRA, 'prometheus/alerts.test.yml');
const SECTIONS = join(INFRA, 'ALERTS.md');
/** As many as one person can know. */
const MOST_ALERTS = 10;

/** The files' texts. */
export async function texts() {
  const [rules, tests, sections] = await Promise.all([RULES, TESTS, SECTIONS].map((path) => readFile(path, 'utf8')));
  return { rules, tests, sections };
}

/** Rules of a text: `{ alert, cause, severity, summary, description, runbook }`, undefined where a rule has none. */
export function rules(text) {
  return text
    .split(/^ *- alert: /m)
    .slice(1)
    .map((rule) => {
      const field = (name) => new RegExp(`\\b${name}: ([^,}\\n]+?) *(?:[,}\\n]|$)`).exec(rule)?.[1];
      return {
        alert: rule.split('\n')[0].trim(),
        cause: field('cause'),
        severity: field('severity'),
        summary: field('summary'),
        description: field('description'),
        runbook: field('runbook'),
      };
    });
}

/** What is wrong with them, as texts. */
export function alertFaults({ rules: text, tests, sections }) {
  const found = [];
  const all = rules(text);
  const names = new Set(all.map(({ alert }) => alert));
  if (names.size > MOST_ALERTS) {
    found.push(`there are ${names.size} alerts: nobody knows more than ${MOST_ALERTS}`);
  }
  for (const rule of all) {
    const name = `${rule.alert} ${rule.cause ?? ''}`.trim();
    const fault = (what) => found.push(`${name}: ${what}`);
    if (!['page', 'ticket'].includes(rule.severity)) {
      fault('has no severity that is page or ticket');
    }
    for (const field of ['summary', 'description']) {
      if (rule[field] === undefined) {
        fault(`has no ${field}`);
      }
    }
    if (rule.runbook !== `infra/ALERTS.md#${rule.alert.toLowerCase()}`) {
      fault('its runbook is not its section of infra/ALERTS.md');
    }
    if (!tested(rule, tests)) {
      fault('no test of infra/prometheus/alerts.test.yml sees it fire');
    }
    if (!explained(rule, sections)) {
      fault('infra/ALERTS.md has no section for it, or does not name its cause there');
    }
  }
  const headings = [...sections.matchAll(/^## (Farcast\w+)$/gm)].map(([, name]) => name);
  found.push(...headings.filter((name) => !names.has(name)).map((name) => `infra/ALERTS.md explains ${name}, which is no alert`));
  return found;
}

/** A rule without a cause of its own takes it from its series, which the tests then name. */
function tested({ alert, cause }, tests) {
  const wanted = cause === undefined ? `alertname="${alert}"` : `alertname="${alert}", cause="${cause}"`;
  return tests.includes(wanted) || (cause !== undefined && new RegExp(`ALERTS\\{[^}]*cause="${cause}"`).test(tests));
}

function explained({ alert, cause }, sections) {
  const [, section] = sections.split(new RegExp(`^## ${alert}$`, 'm'));
  const body = section?.split(/^## /m)[0];
  return body !== undefined && (cause === undefined || body.includes(`\`${cause}\``));
}
