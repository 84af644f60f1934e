import assert from 'node:assert/strict';
import { test } from 'node:test';

import { alertFaults, rules, texts } from './alerts.js';

const found = await texts();

test('each alert says how bad it is, is tested, and has a section that says what to do', () => {
  assert.ok(rules(found.rules).length > 20);
  assert.deepEqual(alertFaults(found), []);
});

test('each fault is found', () => {
  const spoilt = (name, from, to) => {
    assert.ok(found[name].includes(from), from);
    return alertFaults({ ...found, [name]: found[name].replaceAll(from, to) });
  };
  const cases = [
    ['has no severity', spoilt('rules', 'severity: page', 'severity: bad')],
    ['has no summary', spoilt('rules', 'summary:', 'short:')],
    ['has no description', spoilt('rules', 'description:', 'long:')],
    ['its runbook is not', spoilt('rules', '#farcastedgelost', '#farcastedge')],
    ['FarcastEdgeLost link_flaps: no test', spoilt('tests', 'cause="link_flaps"', 'cause="x"')],
    ['FarcastResourcesLow store_file: no test', spoilt('tests', 'cause="store_file"', 'cause="x"')],
    ['FarcastRefusing: infra/ALERTS.md has no section', spoilt('sections', '## FarcastRefusing', '## Refusing')],
    ['FarcastEdgeLost late: infra/ALERTS.md', spoilt('sections', '`late`', 'late')],
    ['which is no alert', spoilt('rules', 'alert: FarcastRefusing', 'alert: FarcastRefuses')],
    ['there are 11 alerts', alertFaults({ ...found, rules: `${found.rules}\n- alert: FarcastMore\n` })],
  ];
  for (const [wanted, faults] of cases) {
    assert.ok(
      faults.some((fault) => fault.includes(wanted)),
      `${wanted}: ${faults.join('\n')}`,
    );
  }
});
