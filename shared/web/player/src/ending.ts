/**
 * The end of a broadcast, where hls.js 1.7.4 needs help twice.
 *
 * - It completes no segment of a closed playlist that it began to load by parts. So when the last part is announced
 *   together with EXT-X-ENDLIST, that part is never requested and the end never reached. The engine lets the
 *   playlist count as open until the part is buffered.
 * - It waits for ever with the end of the stream while the buffer has a hole, be it a hundredth of a second and long played
 *   (a publisher's reconnection makes one). The engine removes what lies before it.
 */

/** `TimeRanges`, as far as it is used. */
export interface Ranges {
  readonly length: number;
  start: (index: number) => number;
  end: (index: number) => number;
}

/** Whether the last part is buffered, judged at its middle as hls.js does; true where there are no parts. */
export function isComplete(
  parts: readonly { readonly start: number; readonly duration: number }[] | null,
  buffered: Ranges,
): boolean {
  const last = parts?.at(-1);
  if (last === undefined) return true;
  const middle = last.start + last.duration / 2;
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= middle && middle <= buffered.end(i)) return true;
  }
  return false;
}

/** Up to where the buffer is to be removed so that no hole lies behind the picture; undefined if there is none. */
export function endOfHoles(buffered: Ranges, currentTime: number): number | undefined {
  for (let i = buffered.length - 1; i > 0; i -= 1) {
    if (buffered.start(i) <= currentTime) return buffered.start(i);
  }
  return undefined;
}
