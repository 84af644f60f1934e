/**
 * Pictures of an edge that is gone: of the page's own address, such as the logo and emoji, they come from the edge that serves the
 * page now. Those of other sites are left alone.
 */

/** Where a picture that did not come is to be had instead; undefined where nowhere. */
export function elsewhere(source: string, page: string, base: string): string | undefined {
  if (base === "" || source === "") return undefined;
  let url: URL;
  try {
    url = new URL(source);
  } catch {
    return undefined;
  }
  // What comes from another edge already has another origin, so nothing is tried twice.
  return url.origin === page ? `${base}${url.pathname}${url.search}` : undefined;
}

/** Mends pictures for the rest of the page's life; `base` gives what comes before the paths of the edge of now. */
export function mendPictures(page: string, base: () => string): void {
  document.addEventListener(
    "error",
    ({ target }) => {
      if (!(target instanceof HTMLImageElement)) return;
      const there = elsewhere(target.src, page, base());
      if (there !== undefined) target.src = there;
    },
    // Such errors do not bubble.
    true,
  );
}
