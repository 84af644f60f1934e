/**
 * Content steering of hls.js, which leaves an edge that is gone at once.
 *
 * hls.js 1.7.4 by itself tries a playlist or part again until its retries are used up, then the other qualities of the same
 * edge one after another, each with its retries, and only then another pathway: some six seconds for each quality, with a second
 * buffered. And a pathway that it left it avoids for five minutes, whatever the server says. So its answer to errors is replaced
 * here by `pathways.ts`; choosing and cloning pathways, and asking for the manifest, remain its own. What is overridden is private
 * in hls.js: steering.test.ts fails where another version calls it otherwise.
 */
import Hls from "hls.js";
import type { ContentSteeringController, ErrorData, Events, IErrorAction } from "hls.js";

import { isGone, Pathways, steeringAddress } from "./pathways";
import type { Home } from "./pathways";

/** Of hls.js's `NetworkErrorAction` and `ErrorActionFlags`, which exist as types only: a failure that was met by another pathway. */
const MET = { action: 2, flags: 1, resolved: true } as unknown as IErrorAction;

interface Variant {
  readonly uri: string;
}

/** What of hls.js's controller is used here. */
interface Controller {
  pathwayId: string;
  pathways(): string[];
  getLevelsForPathway(id: string): readonly Variant[];
  updatePathwayPriority(priority: string[]): void;
  loadSteeringManifest(uri: string): void;
  startLoad(): void;
  stopLoad(): void;
}

/** Goes to the first of the pathways that it may use, whatever this player knows of them. */
interface Moving {
  move(priority: string[]): void;
}

/**
 * What steering is told: round trips measured by the page (`id:ms,…`), the time, and whether this device has a network. And what it
 * tells: the origin of an edge that it left because that is gone.
 */
export interface SteeringFacts {
  readonly measured: () => string;
  readonly nowMs: () => number;
  readonly isOnline: () => boolean;
  readonly gone: (origin: string) => void;
}

const OF_PAGE: SteeringFacts = {
  measured: () => "",
  nowMs: () => performance.now(),
  isOnline: () => navigator.onLine,
  gone: () => undefined,
};

/** The origin of an address; undefined where it has none. */
function originOf(address: string | undefined): string | undefined {
  try {
    return address === undefined ? undefined : new URL(address).origin;
  } catch {
    return undefined;
  }
}

/** Where what failed was asked for. A segment that is announced by its parts has no address of its own. */
function failedAt({ part, frag, response, context, url }: ErrorData): string | undefined {
  return originOf(
    [part?.url, frag?.url, response?.url, context?.url, url].find((one) => one !== undefined && one !== ""),
  );
}

/** Steers one hls.js, by being part of its configuration. */
export class Steering {
  /** For hls.js's configuration. */
  readonly controller: typeof ContentSteeringController;
  private readonly paths = new Pathways();
  private readonly facts: SteeringFacts;
  private hls: (Controller & Moving) | undefined;

  constructor(facts: Partial<SteeringFacts> = {}) {
    this.facts = { ...OF_PAGE, ...facts };
    const { paths } = this;
    const { nowMs } = this.facts;
    this.controller = controllerOf({
      made: (controller) => (this.hls = controller),
      meets: (data) => this.meets(data),
      ordered: (priority, current) => paths.ordered(priority, current, nowMs()),
      moved: () => {
        paths.moved(nowMs());
      },
      address: (given) => this.address(given),
    });
  }

  /** Origin of the edge that is used; undefined before there is a playlist. */
  get edge(): string | undefined {
    return this.hls === undefined ? undefined : this.origin(this.hls.pathwayId);
  }

  /** Origin of the edge that would be used if this one were gone; undefined where there is none. */
  get next(): string | undefined {
    const id = this.nextId();
    return id === undefined ? undefined : this.origin(id);
  }

  /** Leaves an edge that is gone; false where there is no other. */
  leave(): boolean {
    const { hls, edge } = this;
    const next = this.nextId();
    if (hls === undefined || edge === undefined || next === undefined) return false;
    const gone = hls.pathwayId;
    this.paths.failed(gone, this.facts.nowMs());
    hls.move([next, ...hls.pathways().filter((id) => id !== next && id !== gone), gone]);
    // A manifest that was asked for there is asked for here, when it is time.
    hls.stopLoad();
    hls.startLoad();
    if (hls.pathwayId === gone) return false;
    this.facts.gone(edge);
    return true;
  }

  private origin(id: string): string | undefined {
    return originOf(this.hls?.getLevelsForPathway(id)[0]?.uri);
  }

  private nextId(): string | undefined {
    const { hls } = this;
    return hls && this.paths.next(hls.pathways(), hls.pathwayId, this.facts.nowMs());
  }

  private get home(): Home | undefined {
    const [id] = this.hls?.pathways() ?? [];
    const origin = id === undefined ? undefined : this.origin(id);
    return id === undefined || origin === undefined ? undefined : { id, origin };
  }

  /** Whether an error was met by going to another edge, now or before. */
  private meets(data: ErrorData): boolean {
    const { details, fatal, response } = data;
    if (fatal || !this.facts.isOnline() || !isGone(details, response?.code)) return false;
    const failed = failedAt(data);
    const { edge } = this;
    if (failed === undefined || edge === undefined) return false;
    // What was asked of an edge before it was left may fail later.
    return failed !== edge || this.leave();
  }

  private address(given: string): string {
    const { edge, home } = this;
    if (edge === undefined || home === undefined) return given;
    try {
      return steeringAddress(given, edge, home, this.facts.measured());
    } catch {
      return given;
    }
  }
}

/** What an overridden controller asks. */
interface Hooks {
  readonly made: (controller: Controller & Moving) => void;
  readonly meets: (data: ErrorData) => boolean;
  readonly ordered: (priority: readonly string[], current: string) => string[];
  readonly moved: () => void;
  readonly address: (given: string) => string;
}

function controllerOf(hooks: Hooks): typeof ContentSteeringController {
  const Base = Hls.DefaultConfig.contentSteeringController as unknown as new (hls: Hls) => Controller;
  class Steered extends Base {
    constructor(hls: Hls) {
      super(hls);
      hooks.made(this);
    }

    onError(_: Events.ERROR, data: ErrorData): void {
      if (hooks.meets(data)) data.errorAction = { ...MET };
    }

    override updatePathwayPriority(priority: string[]): void {
      this.move(hooks.ordered(priority, this.pathwayId));
    }

    move(priority: string[]): void {
      const before = this.pathwayId;
      super.updatePathwayPriority(priority);
      if (this.pathwayId !== before) hooks.moved();
    }

    override loadSteeringManifest(uri: string): void {
      super.loadSteeringManifest(hooks.address(uri));
    }
  }
  return Steered as unknown as typeof ContentSteeringController;
}
