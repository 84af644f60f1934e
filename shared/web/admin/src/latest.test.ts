import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { latest } from "./latest";
import type { Latest } from "./latest";

const PAUSE_MS = 300;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function typing(): {
  readonly typed: Latest<string>;
  readonly asked: string[];
  readonly told: string[];
  /** Answers a question, or refuses. */
  readonly settle: (question: string, isFailure?: boolean) => Promise<void>;
} {
  const [asked, told]: [string[], string[]] = [[], []];
  const answers = new Map<string, (isFailure: boolean) => void>();
  const typed = latest<string, string>({
    pauseMs: PAUSE_MS,
    ask: (input) => {
      asked.push(input);
      return new Promise((resolve, reject) => {
        answers.set(input, (isFailure) => {
          if (isFailure) reject(new Error(input));
          else resolve(input);
        });
      });
    },
    onAnswer: (answer) => told.push(answer),
    onFailure: (error) => told.push(String(error)),
  });
  const settle = async (question: string, isFailure = false): Promise<void> => {
    answers.get(question)?.(isFailure);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { typed, asked, told, settle };
}

test("it is asked when typing pauses, not at each letter", () => {
  const { typed, asked } = typing();
  for (const text of ["a", "ab", "abc"]) {
    typed.want(text);
    vi.advanceTimersByTime(PAUSE_MS - 1);
  }
  expect(asked).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(asked).toEqual(["abc"]);
});

test("an answer that is overtaken is passed over, and so is its failure", async () => {
  const { typed, asked, told, settle } = typing();
  for (const text of ["one", "two", "three"]) {
    typed.want(text);
    vi.advanceTimersByTime(PAUSE_MS);
  }
  expect(asked).toEqual(["one", "two", "three"]);
  await settle("three");
  await settle("one");
  await settle("two", true);
  expect(told).toEqual(["three"]);
});

test("what was typed since makes an answer old, before it is asked about", async () => {
  const { typed, told, settle } = typing();
  typed.want("one");
  vi.advanceTimersByTime(PAUSE_MS);
  typed.want("two");
  await settle("one");
  expect(told).toEqual([]);
});

test("a failure is told, and nothing after the end", async () => {
  const { typed, asked, told, settle } = typing();
  typed.want("one");
  vi.advanceTimersByTime(PAUSE_MS);
  await settle("one", true);
  expect(told).toEqual(["Error: one"]);
  typed.want("two");
  vi.advanceTimersByTime(PAUSE_MS);
  typed.want("three");
  typed.stop();
  await settle("two");
  vi.advanceTimersByTime(PAUSE_MS);
  expect([asked, told]).toEqual([["one", "two"], ["Error: one"]]);
});
