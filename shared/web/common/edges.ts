/**
 * Which edge the page talks to now, and where it can go on when that one is gone. Plain data and signals: no network, no timers.
 *
 * The player leads: where media comes from, the page's calls go too, since that edge is known to answer. Where nothing plays, a
 * call that failed moves the page on. Nobody goes back by themselves to an edge that they left; an edge that failed is tried
 * again after `APART_MS` at the earliest, so that pages neither flap nor hammer when all edges are gone.
 */
import { computed, signal } from "@preact/signals";

/** An edge that failed is left alone for so long. */
export const APART_MS = 10_000;
/** More others than a server names are not taken. */
const MOST_OTHERS = 5;

/** An edge, as pages know it. */
export interface KnownEdge {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly region: string;
  /** What comes before a path of its API: its origin, or nothing for the edge that the page came from. */
  readonly base: string;
}

/** What an edge says of itself and of others: `/api/edges`. */
export interface EdgeList {
  readonly edge: KnownEdge | undefined;
  /** The id of one of the others that is better for this viewer by a margin. */
  readonly better: string | undefined;
  /** The best for this viewer first. */
  readonly others: readonly KnownEdge[];
}

/** The base of an address: nothing where it is the page's own origin, none where a page of `page` cannot use it. */
export function baseOf(address: unknown, page: string): string | undefined {
  if (typeof address !== "string") return undefined;
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return undefined;
  }
  const isUsable = url.protocol === "https:" || (url.protocol === "http:" && page.startsWith("http:"));
  if (!isUsable) return undefined;
  return url.origin === page ? "" : url.origin;
}

function edgeOf(value: unknown, base: string | undefined): KnownEdge | undefined {
  if (typeof value !== "object" || value === null || base === undefined) return undefined;
  const { id, name, region } = value as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || id === "") return undefined;
  const text = (found: unknown): string => (typeof found === "string" ? found : "");
  return { id, name: text(name), region: text(region), base };
}

/** Reads an answer of `/api/edges` that the edge at `base` gave to a page of `page`; what is not as it should be is left out. */
export function readEdges(answer: unknown, base: string, page: string): EdgeList {
  const given: Readonly<Record<string, unknown>> =
    typeof answer === "object" && answer !== null ? { ...answer } : {};
  const others = (Array.isArray(given["others"]) ? (given["others"] as unknown[]) : []).flatMap((other) => {
    const url = typeof other === "object" && other !== null && "url" in other ? other.url : undefined;
    return edgeOf(other, baseOf(url, page)) ?? [];
  });
  const better = given["better"];
  return {
    edge: edgeOf(given["edge"], base),
    better: typeof better === "string" ? better : undefined,
    others: others.slice(0, MOST_OTHERS),
  };
}

/** The edges that a page knows, and the one that it uses; for the life of the page. */
export class Edges {
  private readonly base = signal("");
  /** All that were ever named, by their base. */
  private readonly known = signal<ReadonlyMap<string, KnownEdge>>(new Map());
  private readonly failedAtMs = new Map<string, number>();
  private ranked: readonly KnownEdge[] = [];
  private isPlaying = false;

  private readonly lostAt = signal<{ readonly base: string } | undefined>(undefined);
  /** The edge that the player found to be gone last: what waits for it, such as a socket, waits in vain. */
  readonly gone = computed(() => this.lostAt.value);
  /** The base of the edge that serves the page now. */
  readonly current = computed(() => this.base.value);
  /** That edge, once it has said what it is. */
  readonly serving = computed(() => this.known.value.get(this.base.value));

  /** `page` is the page's own origin. */
  constructor(readonly page: string) {}

  /** The others of the newest list. */
  get others(): readonly KnownEdge[] {
    return this.ranked;
  }

  /** An address of the page's own, or of the same path at the edge that serves the page now; others' stay as they are. */
  moved(address: string): string {
    const url = new URL(address);
    if (url.origin !== this.page || this.base.value === "") return address;
    return `${this.base.value}${url.pathname}${url.search}`;
  }

  learn({ edge, others }: EdgeList): void {
    const known = new Map(this.known.value);
    for (const one of [...others, ...(edge === undefined ? [] : [edge])]) known.set(one.base, one);
    this.known.value = known;
    this.ranked = others;
  }

  /** Nothing answers at an address; see `failed`. */
  left(address: string, nowMs: number): void {
    const base = baseOf(address, this.page);
    if (base !== undefined) this.failed(base, nowMs);
  }

  /** The player found that the edge at an origin is gone, and goes on at another one. */
  lost(origin: string, nowMs: number): void {
    const base = baseOf(origin, this.page);
    if (base === undefined) return;
    this.failedAtMs.set(base, nowMs);
    this.lostAt.value = { base };
  }

  /** Media comes from an origin now. */
  playsAt(origin: string): void {
    const base = baseOf(origin, this.page);
    if (base === undefined) return;
    this.failedAtMs.delete(base);
    this.base.value = base;
  }

  /** Whether media comes. Only while it does is the player's word worth more than that of a call that failed. */
  plays(isPlaying: boolean): void {
    this.isPlaying = isPlaying;
  }

  /**
   * The edge at `base` cannot be used, or asked to go elsewhere. Gives the base to go on with: where media comes from if that
   * is another one, else the next that has not failed just now, else the same.
   */
  failed(base: string, nowMs: number): string {
    this.failedAtMs.set(base, nowMs);
    const current = this.base.value;
    if (base !== current && (this.isPlaying || nowMs - this.failedAt(current) >= APART_MS)) return current;
    const next = this.next(base, nowMs);
    if (next === undefined) return base;
    if (!this.isPlaying && base === current) this.base.value = next;
    return next;
  }

  private failedAt(base: string): number {
    return this.failedAtMs.get(base) ?? -Infinity;
  }

  private next(base: string, nowMs: number): string | undefined {
    // The page's own edge comes last, but for those that failed after it did.
    return [...new Set([...this.ranked.map((edge) => edge.base), ""])]
      .filter((one) => one !== base && nowMs - this.failedAt(one) >= APART_MS)
      .sort((a, b) => {
        const [first, second] = [this.failedAt(a), this.failedAt(b)];
        return first === second ? 0 : first - second;
      })[0];
  }
}
