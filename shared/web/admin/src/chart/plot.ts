/** Draws measurements with uPlot. A file of its own, which comes only where a chart is shown. */
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { topOf } from "./series";
import type { Columns } from "./series";

const HEIGHT_PX = 130;
const TIMES_APART_PX = 64;
const VALUES_APART_PX = 28;
const VALUES_WIDE_PX = 46;
/** Charts with one name show the same moment. */
const MOMENT = "dashboard";

/**
 * How measurements are drawn: the highest value of the scale (without `top` it follows the values), words for values
 * and for times in milliseconds since 1970, and who is told of the cursor.
 */
export interface PlotOptions {
  readonly top?: number | undefined;
  readonly valueWords: () => (value: number) => string;
  readonly timeWords: () => (atMs: number) => string;
  /** The value under the cursor, by its place; null where there is none. */
  readonly onCursor: (place: number | null) => void;
}

/**
 * A chart that is drawn: shows columns, puts the cursor on a value by its place (null: on none), and is removed by
 * `stop`.
 */
export interface Plot {
  readonly show: (columns: Columns) => void;
  /** Draws anew: colours or words are others. */
  readonly refresh: () => void;
  readonly point: (place: number | null) => void;
  readonly stop: () => void;
}

/** Draws into an element, as wide as that is. */
export function plot(root: HTMLElement, { top, valueWords, timeWords, onCursor }: PlotOptions): Plot {
  // A canvas knows no variables: an element tells what they are at the moment.
  const probe = root.ownerDocument.createElement("span");
  probe.hidden = true;
  root.append(probe);
  const color = (name: string) => (): string => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const font = `12px ${getComputedStyle(root).fontFamily}`;
  const axis: UPlot.Axis = {
    stroke: color("--text-quiet"),
    font,
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  const size = (): { width: number; height: number } => ({
    width: Math.max(120, root.clientWidth),
    height: HEIGHT_PX,
  });
  const chart = new UPlot(
    {
      ...size(),
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { size: 9, fill: color("--accent"), stroke: color("--surface"), width: 2 },
        drag: { x: true, y: false },
        sync: { key: MOMENT, scales: ["x", null] },
      },
      scales: { y: { range: (_, __, most) => [0, topOf([most], top)] } },
      axes: [
        {
          ...axis,
          size: 26,
          space: TIMES_APART_PX,
          values: (_, times) => times.map((time) => timeWords()(time * 1_000)),
        },
        {
          ...axis,
          size: VALUES_WIDE_PX,
          space: VALUES_APART_PX,
          // A half of a viewer is none.
          incrs: [
            1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 1_000_000,
          ],
          values: (_, values) => values.map((value) => valueWords()(value)),
        },
      ],
      series: [
        {},
        { stroke: color("--accent"), fill: color("--accent-soft"), width: 2, points: { show: false } },
      ],
      hooks: {
        setCursor: [
          ({ cursor }) => {
            onCursor((cursor.left ?? -1) < 0 ? null : (cursor.idx ?? null));
          },
        ],
      },
    },
    [[], []],
    root,
  );
  const resized = new ResizeObserver(() => {
    chart.setSize(size());
  });
  resized.observe(root);
  return {
    show: (columns) => {
      // Who looks closer goes on doing so.
      const { min, max } = chart.scales["x"] ?? {};
      const [times] = chart.data;
      const [first, last] = [times[0], times.at(-1)];
      const isCloser =
        first !== undefined && last !== undefined && ((min ?? first) > first || (max ?? last) < last);
      chart.setData(columns, !isCloser);
      if (isCloser) chart.redraw();
    },
    refresh: () => {
      chart.redraw(false, true);
    },
    point: (place) => {
      const time = place === null ? undefined : chart.data[0][place];
      const left = time === undefined ? -10 : chart.valToPos(time, "x");
      chart.setCursor({ left, top: left < 0 ? -10 : 0 });
    },
    stop: () => {
      resized.disconnect();
      chart.destroy();
    },
  };
}
