/**
 * The life of a viewing session as a plain state machine: no timers, no network, no DOM.
 *
 * It alone decides when the page asks the edge whether there is a broadcast (a probe), when an engine is
 * attached to it, and what the viewer is told. hls.js mends short faults by itself (see hls-config.ts); what
 * it gives up on arrives here as a fault and is answered by probes with growing pauses, for ever: the page
 * never has to be reloaded. `probe.ts` asks, `controller.ts` carries the effects out.
 */

/**
 * What the viewer is told. `unsupported`: this browser plays no live streams at all; `undecodable`: it lacks the codecs of this
 * broadcast; `forbidden`: the edge does not let this viewer watch; `full`: it has no room for more viewers at the moment.
 */
export type Phase =
  | "connecting"
  | "offline"
  | "playing"
  | "buffering"
  | "reconnecting"
  | "ended"
  | "unsupported"
  | "undecodable"
  | "forbidden"
  | "full";

/** What a probe found: a running broadcast, a finished one, none, one that is not for this viewer, no room for more viewers, or
 * no answer that says so. */
export type ProbeResult = "live" | "ended" | "absent" | "forbidden" | "full" | "unreachable";

/** Why an engine gave up. `codec`: the browser lacks a decoder, which no new try changes. */
export type Fault = "network" | "media" | "codec";

/** What happened. */
export type Input =
  | { kind: "start"; supported: boolean }
  | { kind: "probed"; id: number; result: ProbeResult; retryAfterMs?: number }
  /** An engine could not be made for so long that there may be no broadcast any more. */
  | { kind: "late" }
  /** Media of the attached engine can be shown. */
  | { kind: "ready" }
  /** Regular observation: whether playback moved since the last one, and whether it is meant to. */
  | { kind: "tick"; moved: boolean; wanted: boolean }
  /** The engine met an error that it retries. */
  | { kind: "trouble" }
  /** The engine gave up. */
  | { kind: "fault"; fault: Fault }
  /** The playlist was closed: nothing will be added to it. */
  | { kind: "closed" }
  /** The playlist has ended and all of it was played. */
  | { kind: "finished" }
  /** The network or the page came back: no reason to sit out a pause. */
  | { kind: "wake" };

/** What is to be done. */
export type Effect =
  /** Ask the edge after a pause; replaces any probe under way, answered with `id`. */
  | { kind: "probe"; id: number; afterMs: number }
  /** Make a new engine in place of the old one. */
  | { kind: "attach" }
  /** Let the engine reset its decoders. */
  | { kind: "recoverMedia" };

/** The state of a viewing session. */
export interface Session {
  readonly phase: Phase;
  /** Number of the newest probe; answers to older ones are ignored. */
  readonly probeId: number;
  /** Whether that probe is still to be answered. */
  readonly probing: boolean;
  /** Probes since something was last shown; sets the pause before the next one. */
  readonly attempts: number;
  /** When playback last moved, or was last not meant to. */
  readonly movedAtMs: number;
  /** Whether the attached broadcast is over, though perhaps not played to its end. */
  readonly closed: boolean;
  /** When media was last recovered; undefined if never. */
  readonly recoveredAtMs: number | undefined;
}

/** What an input leads to: the next state, and what is to be done, in this order. */
export interface Step {
  readonly session: Session;
  readonly effects: readonly Effect[];
}

/** Playback that stands this long is called buffering. */
export const BUFFERING_AFTER_MS = 1_000;
/** Playback that stands this long is given up and begun anew: beyond an edge's 503 after three target
 * durations of 4 s plus one retry, so that the engine's own recovery comes first. */
export const STUCK_AFTER_MS = 20_000;
/** The same once the broadcast is over: whatever of it has not come by then is not worth waiting for. */
export const OVER_AFTER_MS = 3_000;
/** A second decoder error within this time is not mended by a reset again. */
export const RECOVERY_APART_MS = 10_000;
const FIRST_PAUSE_MS = 500;
/** A viewer who waits for a broadcast asks this often; the edge answers from memory. */
const LONGEST_PAUSE_MS = 6_000;

/** The pause before a full edge is asked again, where it does not say when. */
const FULL_PAUSE_MS = 10_000;
/** The longest that an edge may say. */
const LONGEST_FULL_PAUSE_MS = 60_000;

/** The state before `start`. */
export const INITIAL: Session = {
  phase: "connecting",
  probeId: 0,
  probing: false,
  attempts: 0,
  movedAtMs: 0,
  closed: false,
  recoveredAtMs: undefined,
};

/** The pause before the probe after `attempts` fruitless ones: 0.5 s doubling to 6 s. */
export function pauseMs(attempts: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempts, 10), LONGEST_PAUSE_MS);
}

/** Whether an engine is attached that should be showing something. */
function attached(session: Session): boolean {
  return !session.probing && session.probeId > 0;
}

function stay(session: Session): Step {
  return { session, effects: [] };
}

function probeAgain(session: Session, phase: Phase, afterMs: number): Step {
  const id = session.probeId + 1;
  return {
    session: { ...session, phase, probeId: id, probing: true, attempts: session.attempts + 1 },
    effects: [{ kind: "probe", id, afterMs }],
  };
}

/** Takes one input at a time of day in milliseconds that never goes back. */
export function step(session: Session, input: Input, nowMs: number): Step {
  switch (input.kind) {
    case "start":
      return input.supported
        ? probeAgain(session, "connecting", 0)
        : stay({ ...INITIAL, phase: "unsupported" });
    case "probed":
      return input.id === session.probeId && session.probing
        ? onProbed(session, input, nowMs)
        : stay(session);
    case "late":
      return attached(session) ? probeAgain(session, session.phase, 0) : stay(session);
    case "ready":
      // Playback that stands shows by moving that it goes on.
      return attached(session) && session.phase !== "playing" && session.phase !== "buffering"
        ? stay({ ...session, phase: "playing", attempts: 0, movedAtMs: nowMs })
        : stay(session);
    case "tick":
      return attached(session) ? onTick(session, input, nowMs) : stay(session);
    case "trouble":
      return stay(session.phase === "buffering" ? { ...session, phase: "reconnecting" } : session);
    case "fault":
      return attached(session) ? onFault(session, input.fault, nowMs) : stay(session);
    case "closed":
      return stay(attached(session) ? { ...session, closed: true } : session);
    case "finished":
      return attached(session) ? onFinished(session) : stay(session);
    case "wake":
      return session.probing ? probeAgain({ ...session, attempts: 0 }, session.phase, 0) : stay(session);
  }
}

function onProbed(
  session: Session,
  { result, retryAfterMs }: { result: ProbeResult; retryAfterMs?: number },
  nowMs: number,
): Step {
  switch (result) {
    case "live": {
      // Still the broadcast that cannot be decoded; another one may be of another kind.
      if (session.phase === "undecodable") return probeAgain(session, "undecodable", LONGEST_PAUSE_MS);
      const phase = ["offline", "ended", "forbidden", "full"].includes(session.phase)
        ? "connecting"
        : session.phase;
      return {
        session: { ...session, phase, probing: false, movedAtMs: nowMs, closed: false },
        effects: [{ kind: "attach" }],
      };
    }
    case "ended":
      return probeAgain(session, "ended", pauseMs(session.attempts));
    case "absent":
      return probeAgain(session, "offline", pauseMs(session.attempts));
    case "forbidden":
      return probeAgain(session, "forbidden", pauseMs(session.attempts));
    case "full":
      return probeAgain(session, "full", Math.min(retryAfterMs ?? FULL_PAUSE_MS, LONGEST_FULL_PAUSE_MS));
    case "unreachable":
      // An edge that cannot be reached says nothing about the broadcast: what was known stays on show.
      return probeAgain(session, session.phase, pauseMs(session.attempts));
  }
}

function onTick(session: Session, tick: { moved: boolean; wanted: boolean }, nowMs: number): Step {
  if (tick.moved) {
    return stay({ ...session, phase: "playing", attempts: 0, movedAtMs: nowMs });
  }
  if (!tick.wanted) {
    // Nobody will play a closed broadcast to its end while the viewer pauses it.
    return session.closed ? onFinished(session) : stay({ ...session, movedAtMs: nowMs });
  }
  const standing = nowMs - session.movedAtMs;
  if (session.closed && standing >= OVER_AFTER_MS) return onFinished(session);
  if (standing >= STUCK_AFTER_MS) {
    return probeAgain(session, session.phase === "connecting" ? "connecting" : "reconnecting", 0);
  }
  if (standing >= BUFFERING_AFTER_MS && session.phase === "playing") {
    return stay({ ...session, phase: "buffering" });
  }
  return stay(session);
}

function onFinished(session: Session): Step {
  return probeAgain({ ...session, attempts: 1 }, "ended", pauseMs(1));
}

function onFault(session: Session, fault: Fault, nowMs: number): Step {
  if (fault === "codec") return probeAgain(session, "undecodable", LONGEST_PAUSE_MS);
  const { recoveredAtMs } = session;
  const recent = recoveredAtMs !== undefined && nowMs - recoveredAtMs < RECOVERY_APART_MS;
  if (fault === "media" && !recent) {
    return { session: { ...session, recoveredAtMs: nowMs }, effects: [{ kind: "recoverMedia" }] };
  }
  const phase = session.phase === "connecting" ? "connecting" : "reconnecting";
  return probeAgain(session, phase, pauseMs(session.attempts));
}
