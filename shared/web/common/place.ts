/** Where a popup goes beside what opened it. */

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const GAP = 6;
const MARGIN = 8;

/** Below its anchor if it fits there, else above; within the window always. All in pixels. */
export function place(anchor: Box, popup: Size, window: Size): { left: number; top: number } {
  const below = anchor.bottom + GAP;
  const above = anchor.top - GAP - popup.height;
  const fits = below + popup.height <= window.height - MARGIN;
  const top = fits || above < MARGIN ? Math.min(below, window.height - MARGIN - popup.height) : above;
  // Towards the side with more room.
  const toEnd = (anchor.left + anchor.right) / 2 < window.width / 2;
  const left = toEnd ? anchor.left : anchor.right - popup.width;
  const within = Math.min(left, window.width - MARGIN - popup.width);
  return { left: Math.max(MARGIN, within), top: Math.max(MARGIN, top) };
}
