import { expect, test } from "vitest";

import { HOLDS_MS, isTime, measure, STABLE_MS } from "./measure";
import type { Moment } from "./measure";

const edge = (id: string, base = `https://${id}.example.org`) => ({ id, name: id, region: "", base });
const OTHERS = ["a", "b", "c", "d"].map((id) => edge(id));

/** A network in virtual time: how long each try takes, -1 where there is no answer. */
function network(tripsMs: Readonly<Record<string, readonly number[]>>) {
  let nowMs = 0;
  const asked: string[] = [];
  const ping = (address: string, withinMs: number): Promise<void> => {
    const tries = asked.filter((one) => one === address).length;
    asked.push(address);
    const ms = tripsMs[address.replace("https://", "").split(/[./]/u)[0] ?? ""]?.[tries] ?? -1;
    if (ms < 0 || ms > withinMs) return Promise.reject(new TypeError("no answer"));
    nowMs += ms;
    return Promise.resolve();
  };
  return { ping, now: () => nowMs, asked };
}

test("the least of two tries counts, of this edge and three others", async () => {
  const { ping, now, asked } = network({ "": [40, 12.4], a: [90, 31], b: [20, 25], c: [0, 0], d: [1, 1] });
  expect(await measure(edge("here", ""), OTHERS, ping, now)).toBe("here:12,a:31,b:20,c:1");
  expect(asked).toContain("/healthz");
  expect(asked).toHaveLength(8);
});

test("who does not answer in time is left out", async () => {
  const { ping, now } = network({ here: [10, 10], a: [2_500], b: [], c: [30, -1] });
  expect(await measure(edge("here"), OTHERS, ping, now)).toBe("here:10,c:30");
});

test("one edge alone, or others without this one, compare nothing", async () => {
  const alone = network({ here: [10, 10] });
  expect(await measure(edge("here"), OTHERS, alone.ping, alone.now)).toBe("");
  const without = network({ a: [10, 10], b: [10, 10] });
  expect(await measure(edge("here"), OTHERS, without.ping, without.now)).toBe("");
  expect(without.asked).toHaveLength(1);
});

test("it is measured while playback is stable, seldom, and not where it would disturb", () => {
  const good: Moment = {
    playingSinceMs: 0,
    measuredAtMs: undefined,
    nowMs: STABLE_MS,
    isSeen: true,
    savesData: false,
    others: 2,
  };
  expect(isTime(good)).toBe(true);
  expect(isTime({ ...good, measuredAtMs: STABLE_MS - HOLDS_MS })).toBe(true);
  const bad: Partial<Moment>[] = [
    { playingSinceMs: undefined },
    { nowMs: STABLE_MS - 1 },
    { measuredAtMs: STABLE_MS - HOLDS_MS + 1 },
    { isSeen: false },
    { savesData: true },
    { others: 0 },
  ];
  for (const change of bad) expect(isTime({ ...good, ...change }), JSON.stringify(change)).toBe(false);
});
