import { expect, test } from "vitest";

import { Heights } from "./heights";

/** The same, the slow way. */
function expectSame(heights: Heights, plain: readonly number[]): void {
  let sum = 0;
  for (const [index, height] of plain.entries()) {
    expect(heights.offset(index)).toBe(sum);
    if (height > 0) {
      expect(heights.find(sum)).toBe(index);
      expect(heights.find(sum + height - 1)).toBe(index);
    }
    sum += height;
  }
  expect(heights.total).toBe(sum);
}

test("lines are found by their place, whatever is added and corrected", () => {
  const heights = new Heights(30);
  const plain: number[] = [];
  let random = 7;
  const next = (below: number): number => {
    random = (random * 16_807) % 2_147_483_647;
    return random % below;
  };
  for (let step = 0; step < 300; step += 1) {
    if (next(3) > 0 || plain.length === 0) {
      heights.append();
      plain.push(30);
    } else {
      const index = next(plain.length);
      const height = next(90) + 1;
      expect(heights.set(index, height)).toBe(height - (plain[index] ?? 0));
      plain[index] = height;
    }
  }
  expectSame(heights, plain);
  heights.reset([...plain, undefined]);
  expectSame(heights, [...plain, 30]);
});

test("there is always an answer", () => {
  const heights = new Heights(30);
  expect([heights.find(0), heights.find(100), heights.total, heights.count]).toEqual([0, 0, 0, 0]);
  heights.append(10);
  expect([heights.find(-5), heights.find(500)]).toEqual([0, 0]);
  expect(heights.set(7, 3)).toBe(0);
});

test("ten thousand lines take no time", () => {
  const heights = new Heights(30);
  // Of the processor, which others may be using too.
  const begin = process.cpuUsage();
  for (let index = 0; index < 10_000; index += 1) heights.append();
  for (let index = 0; index < 10_000; index += 1) heights.set(index, 44);
  expect(heights.find(heights.total / 2)).toBe(5_000);
  const { user, system } = process.cpuUsage(begin);
  expect(user + system).toBeLessThan(500_000);
});
