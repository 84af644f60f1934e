// What axe-core finds wrong on a page: all of its rules, those of WCAG 2.2 AA among them.

import assert from 'node:assert/strict';

import axe from 'axe-core';

/** Fails where there is a finding of any severity. The page's policy does not apply to what a test evaluates. */
export async function assertAccessible(page, what) {
  await page.evaluate(`${axe.source}; undefined`);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.map(({ html }) => html).join(' | ')}`);
  });
  assert.deepEqual(found, [], `axe finds nothing on ${what}`);
}
