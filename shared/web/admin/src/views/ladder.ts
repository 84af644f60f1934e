/** The qualities that are sent, by the rules of the API. Pure. */
import type { Schema } from "@common/api/client";

import { text } from "../text";

/** A quality that is sent, as the API has it; bit rates are in kbit/s. */
export type Quality = Schema<"StreamQuality">;

/** The most qualities that the API takes. */
export const MOST_QUALITIES = 10;
/** How much of the CPU an encoder may use, the least first. */
export const CPU_LEVELS = [0, 1, 2, 3, 4] as const;

/** What is wrong with a quality: a figure that is out of bounds, a name that another has, or how many there are. */
export type Fault = "bitRate" | "height" | "frameRate" | "audioBitRate" | "sameName" | "count";

/** The height that a picture is scaled to, where only that is said. */
export function heightOf(quality: Quality): number {
  return quality.scaledHeight ?? 0;
}

/** What a quality is called: by its own name, else by its height (`720p`), else as the source. */
export function nameOfQuality(quality: Quality): string {
  if (quality.name !== "") return quality.name;
  const height = heightOf(quality);
  if (quality.videoPassthrough || height === 0) return text.value.video.source;
  return `${height}p`;
}

/** The same with a name for each that has none and gets one that no other has: its height, as people call it. */
export function named(all: readonly Quality[]): Quality[] {
  const taken = new Set(all.map(({ name }) => name));
  return all.map((quality) => {
    const height = heightOf(quality);
    const name = `${height}p`;
    if (quality.name !== "" || quality.videoPassthrough || height === 0 || taken.has(name)) return quality;
    taken.add(name);
    return { ...quality, name };
  });
}

/** The quality that is added: 720 lines, 30 frames/s and 1,800 kbit/s, with the audio as it comes. */
export const newQuality: Quality = {
  name: "",
  videoPassthrough: false,
  keyframes: "source",
  audioPassthrough: true,
  videoBitrate: 1_800,
  audioBitrate: 0,
  scaledHeight: 720,
  framerate: 30,
  cpuUsageLevel: 2,
};

/** What is wrong with one of them. */
export function faultsOf(quality: Quality, all: readonly Quality[]): Fault[] {
  const faults: Fault[] = [];
  const isWhole = (value: number, least: number, most: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most;
  if (!quality.videoPassthrough) {
    // 0 is what the server takes by itself.
    if (quality.videoBitrate !== 0 && !isWhole(quality.videoBitrate, 10, 100_000)) faults.push("bitRate");
    const height = heightOf(quality);
    if (height !== 0 && (!isWhole(height, 16, 7_680) || height % 2 !== 0)) faults.push("height");
    if (!isWhole(quality.framerate, 0, 120)) faults.push("frameRate");
  }
  if (!quality.audioPassthrough && quality.audioBitrate !== 0 && !isWhole(quality.audioBitrate, 16, 512)) {
    faults.push("audioBitRate");
  }
  if (quality.name !== "" && all.filter(({ name }) => name === quality.name).length > 1)
    faults.push("sameName");
  return faults;
}

/** What viewers of all qualities would take together, one of each, and how many are encoded anew. */
export function costOf(all: readonly Quality[]): { encoded: number; kbit: number } {
  const encoded = all.filter(({ videoPassthrough }) => !videoPassthrough);
  return {
    encoded: encoded.length,
    kbit: encoded.reduce(
      (sum, { videoBitrate }) => sum + (Number.isFinite(videoBitrate) ? videoBitrate : 0),
      0,
    ),
  };
}

/** Whether there are 1 to 10 qualities and none has a fault. */
export function isSound(all: readonly Quality[]): boolean {
  return (
    all.length > 0 &&
    all.length <= MOST_QUALITIES &&
    all.every((quality) => faultsOf(quality, all).length === 0)
  );
}
