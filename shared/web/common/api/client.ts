/**
 * Calls of the API, with the types that openapi.yaml gives them (`npm run generate` writes them into `schema.d.ts`).
 *
 *   const config = await get("/api/config");
 *   await post("/api/chat/messagevisibility", { idArray: [id], visible: false }, { query: { accessToken } });
 */
import type { components, paths } from "./schema";

/** A type of openapi.yaml by its name. */
export type Schema<N extends keyof components["schemas"]> = components["schemas"][N];

type Json<T> = T extends { content: { "application/json": infer J } } ? J : undefined;
type Answered<O> = O extends { responses: { 200: infer R } } ? Json<R> : undefined;
type Sent<O> = O extends { requestBody?: infer B } ? Json<NonNullable<B>> : never;
type With<M extends "get" | "post"> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

/** What a call that reads gives. */
export type Read<P extends With<"get">> = Answered<paths[P]["get"]>;

/** What goes along with a call beyond its body. */
export interface Options {
  /** Values for `{name}` in the path. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** The origin to ask, without a slash at its end; that of the page unless it is said otherwise. */
  readonly base?: string;
  /** Whether cookies go along; `same-origin` unless it is said otherwise. */
  readonly credentials?: RequestCredentials;
}

/** An answer that is no success: its status, and what the server says of it. Status 0: there was no answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    message: string,
    /** How long the server asks to wait, in seconds. */
    readonly retryAfterS?: number,
  ) {
    super(message);
  }
}

/** An answer that takes longer is none. */
const ANSWER_WITHIN_MS = 20_000;
/** The same for a whole file; the server cuts it about then. */
const FILE_WITHIN_MS = 300_000;

function address(path: string, { path: values = {}, query, base = "" }: Options): string {
  const filled = path.replace(/\{(\w+)\}/gu, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  return `${base}${filled}${query === undefined ? "" : `?${new URLSearchParams(query).toString()}`}`;
}

/** The server's own words for a failure: `{success: false, message}` or `{error}`. */
function words(text: string): string {
  try {
    const said = JSON.parse(text) as { message?: unknown; error?: unknown };
    const found = [said.message, said.error].find((value) => typeof value === "string");
    return found ?? "";
  } catch {
    return text.length < 200 ? text.trim() : "";
  }
}

/** A call's answer, read as `read` does it; what is no success is thrown. */
async function answered<T>(
  method: string,
  path: string,
  body: unknown,
  options: Options,
  withinMs: number,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const within = AbortSignal.timeout(withinMs);
  const given = body === undefined ? {} : { body: JSON.stringify(body) };
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  try {
    const response = await fetch(address(path, options), {
      method,
      ...given,
      headers: { Accept: "application/json", ...type, ...options.headers },
      signal: options.signal === undefined ? within : AbortSignal.any([within, options.signal]),
      credentials: options.credentials ?? "same-origin",
      cache: "no-store",
    });
    if (response.ok) return await read(response);
    const wait = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
    throw new ApiError(response.status, words(await response.text()), Number.isNaN(wait) ? undefined : wait);
  } catch (cause) {
    throw cause instanceof ApiError ? cause : Object.assign(new ApiError(0, ""), { cause });
  }
}

function call(method: string, path: string, body: unknown, options: Options): Promise<unknown> {
  return answered(method, path, body, options, ANSWER_WITHIN_MS, async (response) => {
    const text = await response.text();
    try {
      return text === "" ? undefined : (JSON.parse(text) as unknown);
    } catch {
      throw new ApiError(response.status, "");
    }
  });
}

/** A file that the server makes: its bytes, and the name that it has there. */
export interface Downloaded {
  readonly bytes: Blob;
  readonly name: string;
}

/** Asks for a file by a POST. It is whole: one that is cut is an `ApiError` of status 0. */
export function download<P extends With<"post">>(
  path: P,
  body: Sent<paths[P]["post"]>,
  options: Options = {},
): Promise<Downloaded> {
  return answered("POST", path, body, options, FILE_WITHIN_MS, async (response) => {
    const said = /filename="([\w.-]+)"/u.exec(response.headers.get("Content-Disposition") ?? "");
    return { bytes: await response.blob(), name: said?.[1] ?? "download" };
  });
}

/** Asks by GET. Throws an `ApiError` for what is no success, and one of status 0 where no answer comes within 20 s. */
export async function get<P extends With<"get">>(path: P, options: Options = {}): Promise<Read<P>> {
  return (await call("GET", path, undefined, options)) as Read<P>;
}

/** Sends a body as JSON by POST and gives the answer. Throws as `get` does. */
export async function post<P extends With<"post">>(
  path: P,
  body?: Sent<paths[P]["post"]>,
  options: Options = {},
): Promise<Answered<paths[P]["post"]>> {
  return (await call("POST", path, body, options)) as Answered<paths[P]["post"]>;
}
