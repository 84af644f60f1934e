/** Pictures that people choose: what may be sent of them, and under which name. */

/** Which files may be sent: their media types, and the size of the largest in bytes. */
export interface Rules {
  readonly types: readonly string[];
  readonly mostBytes: number;
}

/** Why a file may not be sent: it is of another type, or too large. */
export type Fault = "type" | "size";

/** What is wrong with a file by the rules (`size` is in bytes); null where nothing is. */
export function faultOf({ type, size }: { type: string; size: number }, rules: Rules): Fault | null {
  if (!rules.types.includes(type)) return "type";
  return size > rules.mostBytes ? "size" : null;
}

const ENDINGS: Readonly<Record<string, string>> = {
  "image/gif": "gif",
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "image/svg+xml": "svg",
};

/** A name that can stand between colons: `Party Parrot (2).GIF` is `party_parrot_2.gif`. Empty if nothing is left. */
export function emojiName(fileName: string, type: string): string {
  const stem = fileName.replace(/\.[^.]*$/u, "").toLowerCase();
  const plain = stem
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\da-z_-]+/gu, "_")
    .replace(/^_+|_+$/gu, "")
    .slice(0, 40);
  return plain === "" ? "" : `${plain}.${ENDINGS[type] ?? "png"}`;
}

/** The file as a data URI in Base64. */
export function dataUri(file: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => {
      done(reader.result as string);
    };
    reader.onerror = () => {
      failed(reader.error ?? new Error("the file cannot be read"));
    };
    reader.readAsDataURL(file);
  });
}
