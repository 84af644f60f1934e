/** What is not well with the server, from what the API tells. Pure. */
import type { Schema } from "@common/api/client";

export interface Facts {
  readonly online: boolean;
  readonly edges: readonly Pick<Schema<"Edge">, "name" | "connected" | "revokedAt">[];
  /** The newest measurement of each in per cent; undefined where there is none yet. */
  readonly cpu: number | undefined;
  readonly memory: number | undefined;
  readonly disk: number | undefined;
  /** Qualities that are encoded anew. */
  readonly encoded: number;
}

export type Finding =
  | { readonly kind: "noEdge" }
  | { readonly kind: "edgesAway"; readonly names: readonly string[] }
  | { readonly kind: "cpu"; readonly percent: number; readonly encoded: number }
  | { readonly kind: "memory"; readonly percent: number }
  | { readonly kind: "disk"; readonly percent: number };

/** From here on encoders begin to be late. */
const BUSY_PERCENT = 90;
const FULL_PERCENT = 92;

/** The worst first. */
export function findings({ online, edges, cpu = 0, memory = 0, disk = 0, encoded }: Facts): Finding[] {
  const found: Finding[] = [];
  const known = edges.filter(({ revokedAt }) => revokedAt === null);
  const away = known.filter(({ connected }) => !connected).map(({ name }) => name);
  if (away.length === known.length) found.push({ kind: "noEdge" });
  else if (away.length > 0) found.push({ kind: "edgesAway", names: away });
  if (online && cpu >= BUSY_PERCENT) found.push({ kind: "cpu", percent: cpu, encoded });
  if (memory >= FULL_PERCENT) found.push({ kind: "memory", percent: memory });
  if (disk >= FULL_PERCENT) found.push({ kind: "disk", percent: disk });
  return found;
}
