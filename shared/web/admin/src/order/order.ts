/** Lists whose order matters. Pure. */

/** The list with one of its members at another place. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const rest = list.filter((_, at) => at !== from);
  return [...rest.slice(0, to), ...list.slice(from, from + 1), ...rest.slice(to)];
}

/** From where to where something lies on the page, in pixels from the top. */
export interface Span {
  readonly top: number;
  readonly bottom: number;
}

/** The place of what is dragged: it passes a neighbour when the pointer passes that one's middle. */
export function placeOf(rows: readonly Span[], at: number, pointer: number): number {
  const middle = (index: number): number | null => {
    const row = rows[index];
    return row === undefined ? null : (row.top + row.bottom) / 2;
  };
  let place = at;
  for (let next = middle(place + 1); next !== null && pointer > next; next = middle(place + 1)) place += 1;
  if (place > at) return place;
  for (let next = middle(place - 1); next !== null && pointer < next; next = middle(place - 1)) place -= 1;
  return place;
}
