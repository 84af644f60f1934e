import { expect, test } from "vitest";

import { EVERY_MS, Experience, FIRST_AFTER_MS } from "./experience";

const MIDDLE = 0.5;

test("the start is told once, from the opening to what can be shown", () => {
  const experience = new Experience(0);
  experience.at("connecting", 300);
  experience.at("playing", 900);
  expect(experience.isDue(900 + FIRST_AFTER_MS - 1, false)).toBe(false);
  expect(experience.isDue(900 + FIRST_AFTER_MS, false)).toBe(true);
  expect(experience.take(6_000, MIDDLE).startMs).toBe(900);
  expect(experience.hasNews).toBe(false);
  expect(experience.isDue(6_000 + EVERY_MS - 1, false)).toBe(false);
  expect(experience.isDue(6_000 + EVERY_MS, false)).toBe(true);
  expect(experience.take(40_000, MIDDLE).startMs).toBeUndefined();
});

test("who waited for the broadcast starts when it begins", () => {
  const experience = new Experience(0);
  experience.at("connecting", 100);
  experience.at("offline", 400);
  experience.at("connecting", 3_600_000);
  experience.at("playing", 3_600_700);
  expect(experience.take(3_610_000, MIDDLE).startMs).toBe(700);
});

test("a start that nobody looked at says nothing", () => {
  const experience = new Experience(0);
  experience.at("connecting", 100);
  experience.unseen();
  experience.at("playing", 60_000);
  expect(experience.take(70_000, MIDDLE).startMs).toBeUndefined();
});

test("a picture that stands is counted with all its time", () => {
  const experience = new Experience(0);
  experience.at("playing", 500);
  experience.take(6_000, MIDDLE);
  experience.at("buffering", 11_000);
  experience.at("reconnecting", 12_000);
  experience.at("playing", 13_500);
  experience.at("reconnecting", 20_000);
  experience.at("playing", 20_250);
  const { stalls, stalledMs } = experience.take(30_000, MIDDLE);
  expect([stalls, stalledMs]).toEqual([2, 3_750]);
});

test("a picture that stands for long is told of once and its time in pieces", () => {
  const experience = new Experience(0);
  experience.at("playing", 500);
  experience.at("buffering", 11_000);
  const during = experience.take(20_000, MIDDLE);
  expect([during.stalls, during.stalledMs]).toEqual([1, 10_000]);
  experience.at("playing", 22_000);
  const after = experience.take(30_000, MIDDLE);
  expect([after.stalls, after.stalledMs]).toEqual([0, 2_000]);
});

test("the end of a broadcast is no stall", () => {
  for (const phase of ["ended", "offline"] as const) {
    const experience = new Experience(0);
    experience.at("playing", 500);
    experience.take(6_000, MIDDLE);
    experience.at("buffering", 11_000);
    experience.at(phase, 13_000);
    expect(experience.hasNews).toBe(false);
    expect(experience.isDue(90_000, false)).toBe(false);
  }
});

test("errors are told by kind, also of who never saw anything", () => {
  const experience = new Experience(0);
  experience.at("connecting", 0);
  experience.failed("codec", 1_000);
  experience.at("undecodable", 1_000);
  expect(experience.isDue(5_999, false)).toBe(false);
  expect(experience.isDue(6_000, false)).toBe(true);
  expect(experience.take(6_000, MIDDLE).errors).toEqual({ network: 0, media: 0, codec: 1, unsupported: 0 });
  const other = new Experience(0);
  other.at("unsupported", 10);
  expect(other.take(6_000, MIDDLE).errors.unsupported).toBe(1);
});

test("who paused tells only what is new", () => {
  const experience = new Experience(0);
  experience.at("playing", 500);
  experience.take(6_000, MIDDLE);
  expect(experience.isDue(60_000, true)).toBe(false);
  experience.failed("network", 60_000);
  expect(experience.isDue(60_000, true)).toBe(true);
});

test("what did not arrive is told again", () => {
  const experience = new Experience(0);
  experience.at("playing", 500);
  experience.failed("network", 600);
  const lost = experience.take(6_000, MIDDLE);
  experience.failed("network", 7_000);
  experience.putBack(lost);
  const { startMs, errors } = experience.take(40_000, MIDDLE);
  expect([startMs, errors.network]).toEqual([500, 2]);
});
