/**
 * Heights of the lines of a list, of which only what is in sight is drawn: where a line begins, and which line is at a place,
 * in logarithmic time (a Fenwick tree). A line that was never drawn has an estimated height.
 */
export class Heights {
  private heights: number[] = [];
  /** `tree[i]` is the sum of the `i & -i` heights up to line `i - 1`. */
  private tree: number[] = [0];

  constructor(private readonly estimate: number) {}

  get count(): number {
    return this.heights.length;
  }

  get total(): number {
    return this.offset(this.heights.length);
  }

  /** Begins anew with these lines. */
  reset(heights: readonly (number | undefined)[]): void {
    this.heights = heights.map((height) => height ?? this.estimate);
    this.tree = [0, ...this.heights];
    for (let i = 1; i < this.tree.length; i += 1) {
      const parent = i + (i & -i);
      if (parent < this.tree.length) this.tree[parent] = (this.tree[parent] ?? 0) + (this.tree[i] ?? 0);
    }
  }

  /** Adds a line at the end. */
  append(height: number = this.estimate): void {
    const i = this.tree.length;
    const before = this.offset(i - 1) - this.offset(i - (i & -i));
    this.heights.push(height);
    this.tree.push(before + height);
  }

  get(index: number): number {
    return this.heights[index] ?? 0;
  }

  /** Corrects a height; gives by how much it changed. */
  set(index: number, height: number): number {
    const before = this.heights[index];
    if (before === undefined || before === height) return 0;
    this.heights[index] = height;
    for (let i = index + 1; i < this.tree.length; i += i & -i) {
      this.tree[i] = (this.tree[i] ?? 0) + height - before;
    }
    return height - before;
  }

  /** Where line `index` begins. */
  offset(index: number): number {
    let sum = 0;
    for (let i = Math.min(index, this.heights.length); i > 0; i -= i & -i) sum += this.tree[i] ?? 0;
    return sum;
  }

  /** The line at `offset`; the last one beyond the end, 0 without lines. */
  find(offset: number): number {
    let at = 0;
    let left = offset;
    for (let step = 1 << Math.floor(Math.log2(Math.max(1, this.heights.length))); step > 0; step >>= 1) {
      const sum = this.tree[at + step];
      if (sum !== undefined && sum <= left) {
        at += step;
        left -= sum;
      }
    }
    return Math.max(0, Math.min(at, this.heights.length - 1));
  }
}
