/** One attempt to read the stream of events: fetched, and not by EventSource, so that the session's token goes along. */
import { ApiError } from "@common/api/client";
import type { Options } from "@common/api/client";

import { ask } from "../session";
import { EventParser } from "./parse";
import type { ServerEvent } from "./parse";

/** An open stream on which nothing comes for so long is held back on its way. */
const FIRST_WITHIN_MS = 8_000;
/** A network that swallows everything gives no answer at all. Edges give theirs after twenty seconds at the latest. */
const ANSWERED_WITHIN_MS = 25_000;
/** The server says something every ten seconds. */
const SILENT_MS = 25_000;

/** Nothing came by a stream that was opened. */
export class MuteStream extends Error {
  override readonly name = "MuteStream";
}

/**
 * What an attempt reads: the stream, or what there is now (`once`), until `signal` aborts it; `take` is given each
 * event and its id.
 */
export interface Reading {
  readonly once: boolean;
  /** The id to go on from; empty where there is none. */
  readonly lastId: string;
  readonly signal: AbortSignal;
  readonly take: (event: ServerEvent, lastId: string) => void;
}

/** Reads to the end of the stream. Throws an ApiError where it was refused, MuteStream, or what broke it. */
export async function read({ once, lastId, signal, take }: Reading): Promise<void> {
  const own = new AbortController();
  const both = AbortSignal.any([signal, own.signal]);
  const gave = { up: false };
  let timer = 0;
  const watch = (ms: number, mute: boolean): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      gave.up = mute;
      own.abort();
    }, ms);
  };
  try {
    watch(ANSWERED_WITHIN_MS, false);
    const body = await ask((options) => open(once, lastId, both, options));
    watch(FIRST_WITHIN_MS, true);
    const parser = new EventParser();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      watch(SILENT_MS, false);
      for (const event of parser.push(value)) take(event, parser.lastId);
    }
  } catch (error) {
    if (gave.up) throw new MuteStream();
    throw error;
  } finally {
    window.clearTimeout(timer);
    own.abort();
  }
}

async function open(
  once: boolean,
  lastId: string,
  signal: AbortSignal,
  { headers }: Options,
): Promise<ReadableStream<BufferSource>> {
  const goOn = lastId === "" ? {} : { "Last-Event-ID": lastId };
  let response: Response;
  try {
    response = await fetch(`/api/admin/events${once ? "?once=true" : ""}`, {
      headers: { Accept: "text/event-stream", ...goOn, ...headers },
      signal,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (cause) {
    throw Object.assign(new ApiError(0, ""), { cause });
  }
  if (!response.ok || response.body === null) {
    const wait = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
    throw new ApiError(response.status, "", Number.isNaN(wait) ? undefined : wait);
  }
  return response.body;
}
