import { describe, expect, test } from "vitest";

import {
  BUFFERING_AFTER_MS,
  INITIAL,
  OVER_AFTER_MS,
  pauseMs,
  RECOVERY_APART_MS,
  step,
  STUCK_AFTER_MS,
} from "./session";
import type { Effect, Input, ProbeResult, Session } from "./session";

/** A session driven by hand in virtual time. */
class Driver {
  session: Session = INITIAL;
  effects: readonly Effect[] = [];
  nowMs = 1_000;

  give(input: Input): this {
    const result = step(this.session, input, this.nowMs);
    this.session = result.session;
    this.effects = result.effects;
    return this;
  }

  start(): this {
    return this.give({ kind: "start", supported: true });
  }

  probed(result: ProbeResult): this {
    return this.give({ kind: "probed", id: this.session.probeId, result });
  }

  tick(moved: boolean, wanted = true): this {
    return this.give({ kind: "tick", moved, wanted });
  }

  playing(): this {
    return this.start().probed("live").give({ kind: "ready" }).tick(true);
  }

  later(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  /** The pause of the probe that was just asked for. */
  get pause(): number {
    const effect = this.effects[0];
    if (effect?.kind !== "probe") throw new Error("no probe was asked for");
    return effect.afterMs;
  }
}

describe("a viewing session", () => {
  test("asks at once, attaches to a broadcast and plays", () => {
    const viewer = new Driver().start();
    expect(viewer.pause).toBe(0);
    viewer.probed("live");
    expect(viewer.effects).toEqual([{ kind: "attach" }]);
    expect(viewer.session.phase).toBe("connecting");
    viewer.give({ kind: "ready" });
    expect(viewer.session.phase).toBe("playing");
  });

  test("says so where the browser plays nothing, and asks nobody", () => {
    const viewer = new Driver().give({ kind: "start", supported: false });
    expect(viewer.session.phase).toBe("unsupported");
    expect(viewer.effects).toEqual([]);
    viewer.give({ kind: "wake" });
    expect(viewer.effects).toEqual([]);
  });

  test("says so when that is found while it asks, whatever is answered then", () => {
    const viewer = new Driver().start().give({ kind: "start", supported: false });
    expect(viewer.session.phase).toBe("unsupported");
    const step = viewer.give({ kind: "probed", id: 1, result: "live" });
    expect(step.session.phase).toBe("unsupported");
    expect(step.effects).toEqual([]);
  });

  test("asks again where the engine came long after the answer", () => {
    const viewer = new Driver().start().probed("live").give({ kind: "late" });
    expect(viewer.session.phase).toBe("connecting");
    expect(viewer.effects[0]?.kind).toBe("probe");
    expect(viewer.pause).toBe(0);
  });

  test("without a decoder it says so once, and plays when another broadcast comes", () => {
    const viewer = new Driver().start().probed("live").give({ kind: "fault", fault: "codec" });
    expect(viewer.session.phase).toBe("undecodable");
    expect(viewer.pause).toBe(6_000);
    // The same broadcast is not tried again and again.
    viewer.probed("live");
    expect(viewer.session.phase).toBe("undecodable");
    expect(viewer.effects[0]?.kind).toBe("probe");
    viewer.probed("unreachable");
    expect(viewer.session.phase).toBe("undecodable");
    viewer.probed("absent");
    expect(viewer.session.phase).toBe("offline");
    viewer.probed("live");
    expect(viewer.effects).toEqual([{ kind: "attach" }]);
    expect(viewer.session.phase).toBe("connecting");
  });

  test("an edge without room is asked again when it says, though not in an hour, and then plays", () => {
    const viewer = new Driver().start();
    const full = (retryAfterMs: number): Input => ({
      kind: "probed",
      id: viewer.session.probeId,
      result: "full",
      retryAfterMs,
    });
    viewer.give(full(7_000));
    expect(viewer.session.phase).toBe("full");
    expect(viewer.pause).toBe(7_000);
    expect(viewer.give(full(3_600_000)).pause).toBe(60_000);
    expect(viewer.probed("full").pause).toBe(10_000);
    expect(viewer.probed("unreachable").session.phase).toBe("full");
    viewer.probed("live");
    expect(viewer.effects).toEqual([{ kind: "attach" }]);
    expect(viewer.session.phase).toBe("connecting");
  });

  test("a broadcast that is not for this viewer is asked for again, and starts once it is", () => {
    const viewer = new Driver().start().probed("forbidden");
    expect(viewer.session.phase).toBe("forbidden");
    expect(viewer.probed("unreachable").session.phase).toBe("forbidden");
    viewer.probed("live");
    expect(viewer.effects).toEqual([{ kind: "attach" }]);
    expect(viewer.session.phase).toBe("connecting");
  });

  test("waits for a broadcast with growing, bounded pauses", () => {
    const viewer = new Driver().start();
    const pauses = Array.from({ length: 12 }, () => viewer.probed("absent").pause);
    expect(viewer.session.phase).toBe("offline");
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(Math.max(...pauses)).toBe(6_000);
    viewer.probed("live");
    expect(viewer.effects).toEqual([{ kind: "attach" }]);
    expect(viewer.session.phase).toBe("connecting");
  });

  test("keeps what it knew while the edge cannot be reached", () => {
    expect(new Driver().start().probed("unreachable").session.phase).toBe("connecting");
    expect(new Driver().start().probed("absent").probed("unreachable").session.phase).toBe("offline");
    const cut = new Driver().playing().give({ kind: "fault", fault: "network" }).probed("unreachable");
    expect(cut.session.phase).toBe("reconnecting");
  });

  test("comes back by itself after an edge restart", () => {
    const viewer = new Driver().playing().give({ kind: "fault", fault: "network" });
    expect(viewer.session.phase).toBe("reconnecting");
    expect(viewer.pause).toBe(pauseMs(0));
    viewer.probed("unreachable").probed("live");
    expect(viewer.effects).toEqual([{ kind: "attach" }]);
    viewer.tick(true);
    expect(viewer.session.phase).toBe("playing");
    expect(viewer.session.attempts).toBe(0);
  });

  test("does not hammer an edge whose playlists answer but whose media fails", () => {
    const viewer = new Driver().playing();
    const pauses = Array.from({ length: 8 }, () => {
      const { pause } = viewer.give({ kind: "fault", fault: "network" });
      viewer.probed("live");
      return pause;
    });
    expect(pauses.at(-1)).toBe(6_000);
  });

  test("waits for the next broadcast after the end of this one", () => {
    const viewer = new Driver().playing().give({ kind: "finished" });
    expect(viewer.session.phase).toBe("ended");
    expect(viewer.probed("ended").session.phase).toBe("ended");
    expect(viewer.probed("live").effects).toEqual([{ kind: "attach" }]);
    expect(viewer.session.phase).toBe("connecting");
  });

  test("plays a closed broadcast to its end", () => {
    const viewer = new Driver().playing().give({ kind: "closed" });
    expect(viewer.later(OVER_AFTER_MS).tick(true).session.phase).toBe("playing");
    viewer.later(OVER_AFTER_MS - 1).tick(false);
    expect(viewer.session.phase).toBe("buffering");
    expect(viewer.effects).toEqual([]);
    expect(viewer.give({ kind: "finished" }).session.phase).toBe("ended");
  });

  test("does not wait long for what is missing of a closed broadcast, nor for a viewer who paused it", () => {
    const standing = new Driver().playing().give({ kind: "closed" }).later(OVER_AFTER_MS).tick(false);
    expect(standing.session.phase).toBe("ended");
    expect(standing.pause).toBe(pauseMs(1));
    const paused = new Driver().playing().give({ kind: "closed" }).tick(false, false);
    expect(paused.session.phase).toBe("ended");
    // The next broadcast is another one.
    standing.probed("live").tick(true).later(OVER_AFTER_MS).tick(false);
    expect(standing.session.phase).toBe("buffering");
  });

  test("buffers until playback moves, not until media comes", () => {
    const viewer = new Driver().playing().later(BUFFERING_AFTER_MS).tick(false);
    expect(viewer.give({ kind: "ready" }).session.phase).toBe("buffering");
    expect(viewer.tick(true).session.phase).toBe("playing");
  });

  test("tells buffering from reconnecting, and a pause from both", () => {
    const viewer = new Driver().playing();
    viewer.later(BUFFERING_AFTER_MS).tick(false);
    expect(viewer.session.phase).toBe("buffering");
    viewer.give({ kind: "trouble" });
    expect(viewer.session.phase).toBe("reconnecting");
    viewer.tick(true);
    expect(viewer.session.phase).toBe("playing");
    viewer.later(10 * STUCK_AFTER_MS).tick(false, false);
    expect(viewer.session.phase).toBe("playing");
    expect(viewer.effects).toEqual([]);
  });

  test("begins anew when playback stands for long", () => {
    const viewer = new Driver().playing();
    viewer.later(STUCK_AFTER_MS - 1).tick(false);
    expect(viewer.effects).toEqual([]);
    viewer.later(1).tick(false);
    expect(viewer.pause).toBe(0);
    expect(viewer.session.phase).toBe("reconnecting");
  });

  test("resets the decoder once, then begins anew", () => {
    const viewer = new Driver().playing();
    viewer.give({ kind: "fault", fault: "media" });
    expect(viewer.effects).toEqual([{ kind: "recoverMedia" }]);
    viewer.later(RECOVERY_APART_MS - 1).give({ kind: "fault", fault: "media" });
    expect(viewer.effects[0]?.kind).toBe("probe");
    viewer.probed("live").later(RECOVERY_APART_MS).give({ kind: "fault", fault: "media" });
    expect(viewer.effects).toEqual([{ kind: "recoverMedia" }]);
  });

  test("ignores answers to probes that were replaced, and news of engines that were left", () => {
    const viewer = new Driver().start();
    const old = viewer.session.probeId;
    viewer.give({ kind: "wake" }).give({ kind: "probed", id: old, result: "live" });
    expect(viewer.effects).toEqual([]);
    const before = viewer.session;
    for (const input of [
      { kind: "ready" },
      { kind: "closed" },
      { kind: "finished" },
      { kind: "fault", fault: "network" },
      { kind: "tick", moved: true, wanted: true },
    ] satisfies Input[]) {
      expect(viewer.give(input).session).toEqual(before);
    }
  });

  test("sits out no pause when the network or the page comes back", () => {
    const viewer = new Driver().start().probed("absent").probed("absent").give({ kind: "wake" });
    expect(viewer.pause).toBe(0);
    expect(viewer.session.phase).toBe("offline");
    const watching = new Driver().playing().give({ kind: "wake" });
    expect(watching.effects).toEqual([]);
  });

  test("never probes without bound and never attaches twice, whatever happens", () => {
    const inputs: Input[] = [
      { kind: "start", supported: true },
      { kind: "ready" },
      { kind: "tick", moved: false, wanted: true },
      { kind: "tick", moved: true, wanted: true },
      { kind: "trouble" },
      { kind: "fault", fault: "network" },
      { kind: "fault", fault: "media" },
      { kind: "fault", fault: "codec" },
      { kind: "closed" },
      { kind: "finished" },
    ];
    const results: ProbeResult[] = ["live", "ended", "absent", "forbidden", "full", "unreachable"];
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const viewer = new Driver();
    // Collected, because asserting twenty thousand times takes seconds.
    const wrong: string[] = [];
    for (let i = 0; i < 20_000; i++) {
      const wasProbing = viewer.session.probing;
      const result = results[random(results.length)] ?? "live";
      const input = inputs[random(inputs.length)] ?? { kind: "ready" };
      viewer.later(random(3_000));
      if (random(2) === 0) viewer.probed(result);
      else viewer.give(input);
      const { phase, probing } = viewer.session;
      if (viewer.effects.length > 1) wrong.push(`step ${i} has several effects`);
      if (viewer.effects[0]?.kind === "attach" && !wasProbing) wrong.push(`step ${i} attaches unasked`);
      // Something is always under way: an engine plays, or a probe will be answered.
      const isWaiting = ["offline", "ended", "forbidden", "full", "undecodable"].includes(phase);
      if (isWaiting && !probing) wrong.push(`step ${i} leaves ${phase} for ever`);
    }
    expect(wrong).toEqual([]);
  });
});
