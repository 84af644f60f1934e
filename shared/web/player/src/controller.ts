/** Carries out what the session decides, with timers, probes and engines. The only place that owns an engine. */
import type { Engine, EngineEvents } from "./engine";
import { probe } from "./probe";
import type { Found } from "./probe";
import { INITIAL, step } from "./session";
import type { Effect, Fault, Input, Phase } from "./session";

/** Makes an engine for a playlist, which may use its text as it was read; none where nothing plays in this browser. */
export type MakeEngine = ((url: string, events: EngineEvents, multivariant?: string) => Engine) | undefined;

const TICK_MS = 250;
/** What a probe found holds for so long; with a slow network what makes engines may come later. */
const FOUND_HOLDS_MS = 5_000;
/** Pauses are stretched by up to this factor, so that viewers who lost an edge together do not return together. */
const JITTER = 0.3;

/** Callbacks by which a controller tells what happens. */
export interface ControllerEvents {
  phase: (phase: Phase) => void;
  /** A new engine is attached. */
  attached: (engine: Engine) => void;
  qualities: (engine: Engine) => void;
  /** The engine gave up; the session goes on. */
  fault: (fault: Fault) => void;
  /** Media comes from this origin now. */
  edge?: (origin: string) => void;
  /** The edge at this origin is gone; playback goes on at another one. */
  gone?: (origin: string) => void;
  /** Nothing answers at this address of the playlist; it is asked for anew, where it then is. */
  unreachable?: (url: string) => void;
  /** Regularly; without an engine while nothing is playing. */
  tick: (engine: Engine | undefined) => void;
}

/**
 * Plays a playlist in a video element from `start` to `stop`: asks the edge for a broadcast, and makes and removes
 * engines as the session decides.
 */
export class Controller {
  engine: Engine | undefined;
  private session = INITIAL;
  private probing = new AbortController();
  private timer: number | undefined;
  private lastTime = 0;
  /** Number of the newest decision to attach or to ask: an attachment that waits for its engine may be overtaken by another. */
  private attachment = 0;
  /** What the newest probe read, and where. */
  private multivariant: string | undefined;
  private playlist: string | undefined;
  private readonly life = new AbortController();

  /**
   * `url` gives the absolute address of the playlist, which may change. The edge is asked whether there is a broadcast while what makes engines may still be loading; `begun` is
   * the first answer where it was asked before.
   */
  constructor(
    private readonly url: () => string,
    private readonly video: HTMLVideoElement,
    private readonly makeEngine: Promise<MakeEngine>,
    private readonly events: ControllerEvents,
    private begun?: Promise<Found>,
  ) {}

  start(): void {
    this.give({ kind: "start", supported: true });
    void this.makeEngine.then((make) => {
      if (make === undefined) this.give({ kind: "start", supported: false });
    });
    const { signal } = this.life;
    const ticking = window.setInterval(() => {
      this.tick();
    }, TICK_MS);
    signal.addEventListener("abort", () => {
      window.clearInterval(ticking);
    });
    const wake = (): void => {
      if (document.visibilityState === "visible") this.give({ kind: "wake" });
    };
    window.addEventListener("online", wake, { signal });
    document.addEventListener("visibilitychange", wake, { signal });
    this.video.addEventListener(
      "ended",
      () => {
        this.give({ kind: "finished" });
      },
      { signal },
    );
  }

  /** For good: nothing is asked for, played or reported any more. */
  stop(): void {
    this.life.abort();
    this.probing.abort();
    window.clearTimeout(this.timer);
    this.engine?.destroy();
    this.engine = undefined;
  }

  private give(input: Input): void {
    if (this.life.signal.aborted) return;
    const { session, effects } = step(this.session, input, performance.now());
    const changed = session.phase !== this.session.phase;
    this.session = session;
    if (changed || input.kind === "start") this.events.phase(session.phase);
    // A video that could not be played to its end still wants to move.
    if (changed && session.phase === "ended") this.video.pause();
    for (const effect of effects) this.carryOut(effect);
  }

  private carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "probe":
        this.askLater(effect.id, effect.afterMs * (1 + Math.random() * JITTER));
        break;
      case "attach":
        void this.attach();
        break;
      case "recoverMedia":
        this.engine?.recoverMedia();
        break;
    }
  }

  private askLater(id: number, afterMs: number): void {
    this.attachment += 1;
    window.clearTimeout(this.timer);
    this.probing.abort();
    this.probing = new AbortController();
    const { signal } = this.probing;
    this.timer = window.setTimeout(() => {
      const url = this.url();
      const asked = this.begun ?? probe(url, signal);
      this.begun = undefined;
      void asked.then(({ result, multivariant, retryAfterMs }) => {
        // One that was called off says nothing about the edge. Another edge may have room.
        const isOfNoUse = result === "unreachable" || result === "full";
        if (isOfNoUse && !signal.aborted) this.events.unreachable?.(url);
        this.multivariant = multivariant;
        this.playlist = url;
        this.give({ kind: "probed", id, result, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
      });
    }, afterMs);
  }

  private async attach(): Promise<void> {
    const attachment = (this.attachment += 1);
    const foundAt = performance.now();
    const make = await this.makeEngine;
    if (attachment !== this.attachment || this.life.signal.aborted) return;
    if (performance.now() - foundAt > FOUND_HOLDS_MS) {
      this.give({ kind: "late" });
      return;
    }
    // The old engine held the last picture until now.
    this.engine?.destroy();
    this.lastTime = 0;
    // An engine that was left may still report; only the newest is heard.
    const heard =
      <T extends unknown[]>(report: (...args: T) => void) =>
      (...args: T): void => {
        if (this.engine === engine) report(...args);
      };
    const engine: Engine | undefined = make?.(
      this.playlist ?? this.url(),
      {
        ready: heard(() => {
          this.give({ kind: "ready" });
        }),
        trouble: heard(() => {
          this.give({ kind: "trouble" });
        }),
        fault: heard((fault) => {
          this.events.fault(fault);
          this.give({ kind: "fault", fault });
        }),
        closed: heard(() => {
          this.give({ kind: "closed" });
        }),
        qualities: heard(() => {
          if (this.engine !== undefined) this.events.qualities(this.engine);
        }),
        edge: heard((origin) => {
          this.events.edge?.(origin);
        }),
        gone: heard((origin) => {
          this.events.gone?.(origin);
        }),
      },
      this.multivariant,
    );
    this.engine = engine;
    if (engine !== undefined) this.events.attached(engine);
  }

  private tick(): void {
    const { currentTime, paused } = this.video;
    const moved = !paused && currentTime !== this.lastTime && this.lastTime !== 0;
    this.lastTime = currentTime;
    this.give({ kind: "tick", moved, wanted: !paused });
    const { phase } = this.session;
    this.events.tick(phase === "playing" || phase === "buffering" ? this.engine : undefined);
  }
}
