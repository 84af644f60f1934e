/**
 * What the server tells of itself as it changes (`/api/admin/events`), for all parts of the page by one stream, for as long
 * as one of them shows it and the page is seen.
 */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { ApiError } from "@common/api/client";
import type { Schema } from "@common/api/client";

import { wordsOfFailure } from "../failure";
import { grown } from "./log";
import type { ServerEvent } from "./parse";
import { FIRST, next } from "./retry";
import type { Plan } from "./retry";
import { MuteStream, read } from "./stream";

/** How the page stands with the server: it asks, is told, is told now and then, or is not told. */
export type Connection = "opening" | "open" | "polling" | "away";

/** The newest state of the server; null before the first. */
export const state = signal<Schema<"AdminState"> | null>(null);
/** The origin's newest log lines, the oldest of them first; null before they are told. */
export const log = signal<readonly Schema<"LogEntry">[] | null>(null);
/** The newest warnings and errors of the origin's log, at most 50; null before they are told. */
export const warnings = signal<readonly Schema<"LogEntry">[] | null>(null);
/** How the page stands with the server now. */
export const connection = signal<Connection>("opening");
/** What went wrong last; empty where nothing did. */
export const trouble = signal("");

/** A gap between two streams that nobody has to know of. */
const AWAY_AFTER_MS = 5_000;
/** The stream stays open for so long when nothing shows it any more: somebody goes from one part to another. */
const LINGER_MS = 5_000;

let users = 0;
let lastId = "";
let stopping: AbortController | undefined;
let lingering: number | undefined;
let awayTimer: number | undefined;

/** Shows what is told for as long as the component is there. */
export function useLive(): void {
  useEffect(() => {
    users += 1;
    window.clearTimeout(lingering);
    start();
    return () => {
      users -= 1;
      if (users === 0) lingering = window.setTimeout(stop, LINGER_MS);
    };
  }, []);
}

/** Asks at once, whatever was planned. */
export function askAgain(): void {
  stop();
  start();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) stop();
  else if (users > 0) start();
});

function start(): void {
  if (stopping !== undefined || document.hidden) return;
  stopping = new AbortController();
  void follow(stopping.signal);
}

function stop(): void {
  stopping?.abort();
  stopping = undefined;
  window.clearTimeout(awayTimer);
  awayTimer = undefined;
}

async function follow(signal: AbortSignal): Promise<void> {
  let plan = FIRST;
  while (!signal.aborted) {
    missed();
    plan = await attempt(plan, signal);
    await pause(plan.waitMs, signal);
  }
}

async function attempt(plan: Plan, signal: AbortSignal): Promise<Plan> {
  const told = { isSo: false };
  const take = (event: ServerEvent, id: string): void => {
    told.isSo = true;
    lastId = id;
    window.clearTimeout(awayTimer);
    awayTimer = undefined;
    trouble.value = "";
    connection.value = plan.once ? "polling" : "open";
    note(event);
  };
  try {
    await read({ once: plan.once, lastId: log.value === null ? "" : lastId, signal, take });
    return next(told.isSo ? "ended" : "mute", plan);
  } catch (error) {
    if (error instanceof MuteStream) return next("mute", plan);
    if (!signal.aborted)
      trouble.value = wordsOfFailure(error instanceof ApiError ? error : new ApiError(0, ""));
    return next("failed", plan, error instanceof ApiError ? error.retryAfterS : undefined);
  }
}

/** From now on nothing is told; if that lasts, people are told so. */
function missed(): void {
  awayTimer ??= window.setTimeout(() => {
    awayTimer = undefined;
    if (connection.value !== "polling" || trouble.value !== "") connection.value = "away";
  }, AWAY_AFTER_MS);
}

function note({ name, data }: ServerEvent): void {
  const value: unknown = JSON.parse(data);
  switch (name) {
    case "state":
      state.value = value as Schema<"AdminState">;
      break;
    case "log":
      log.value = grown(log.value ?? [], value as Schema<"AdminLog">);
      break;
    case "warnings":
      warnings.value = value as Schema<"LogEntry">[];
      break;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      window.clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = window.setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
