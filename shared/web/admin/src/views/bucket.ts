/** The external storage by the rules of the API. Pure. */
import type { Schema } from "@common/api/client";

/** The storage while it is edited; what is not set is empty. */
export interface StorageDraft {
  readonly enabled: boolean;
  readonly endpoint: string;
  readonly servingEndpoint: string;
  readonly accessKey: string;
  /** Empty leaves the one that is kept. */
  readonly secret: string;
  readonly bucket: string;
  readonly region: string;
  readonly acl: string;
  readonly forcePathStyle: boolean;
  readonly pathPrefix: string;
}

/** What the server keeps, to be edited. The secret is empty, since the server does not tell it. */
export function draftOf(kept: Schema<"Storage">): StorageDraft {
  return {
    enabled: kept.enabled,
    endpoint: kept.endpoint ?? "",
    servingEndpoint: kept.servingEndpoint ?? "",
    accessKey: kept.accessKey ?? "",
    secret: "",
    bucket: kept.bucket ?? "",
    region: kept.region ?? "",
    acl: kept.acl ?? "",
    forcePathStyle: kept.forcePathStyle,
    pathPrefix: kept.pathPrefix ?? "",
  };
}

const NEEDED = ["endpoint", "region", "bucket", "accessKey", "secret"] as const;

/** What a storage that is on still needs. */
export function missingOf(draft: StorageDraft, hasSecret: boolean): (typeof NEEDED)[number][] {
  if (!draft.enabled) return [];
  return NEEDED.filter((key) => draft[key].trim() === "" && !(key === "secret" && hasSecret));
}
