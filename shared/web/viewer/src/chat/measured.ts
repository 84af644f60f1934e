/** How high the lines of the list are, kept by their keys while the list changes. Plain data: it is told what was measured. */
import { Heights } from "./heights";

const ESTIMATE_PX = 34;

/** What of a line is used here. */
interface Keyed {
  readonly key: string;
}

/** The lines of an interval of pixels: from `first` on, before `last`. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** The heights of a list's lines in pixels: as they were measured, and an estimate for those that were never drawn. */
export class Measured {
  readonly heights = new Heights(ESTIMATE_PX);
  private known = new Map<string, number>();
  private lines: readonly Keyed[] = [];

  /**
   * Follows the list: cheap where lines were added at its end, as nearly always. Gives how many pixels of lines went at its
   * beginning, by which everything else is higher than before.
   */
  follow(lines: readonly Keyed[]): number {
    const before = this.lines;
    if (lines === before) return 0;
    this.lines = lines;
    const isAdded =
      lines.length >= before.length && before.every((line, index) => line.key === lines[index]?.key);
    if (isAdded) {
      for (const { key } of lines.slice(before.length)) this.heights.append(this.known.get(key));
      return 0;
    }
    const head = lines[0]?.key;
    const gone = Math.max(
      0,
      before.findIndex(({ key }) => key === head),
    );
    const above = this.heights.offset(gone);
    for (const { key } of before.slice(0, gone)) this.known.delete(key);
    this.heights.reset(lines.map(({ key }) => this.known.get(key)));
    return above;
  }

  /** A line was drawn so high; gives by how much that is more than was known. */
  measure(index: number, height: number): number {
    const key = this.lines[index]?.key;
    if (key !== undefined) this.known.set(key, height);
    return this.heights.set(index, height);
  }

  /** The list has another width: nothing is known any more. */
  forget(): void {
    this.known.clear();
    this.heights.reset(this.lines.map(() => undefined));
  }

  /** The lines that have a part between `top` and `top + height`, and those within `beyond` pixels of it. */
  range(top: number, height: number, beyond: number): Range {
    const end = this.heights.find(top + height + beyond) + 1;
    return { first: this.heights.find(top - beyond), last: Math.min(this.lines.length, end) };
  }
}
