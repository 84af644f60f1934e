/** What fills a frame on another page. */
import type { ComponentChildren, JSX } from "preact";

import { areaAttributes } from "./ownStyles";
import { config } from "./server";

/** A page with nothing but its children, below the server's name for screen readers. */
export function Embed(props: {
  /** What of the page it is, where owners can give that colours of its own. */
  readonly area?: "chat";
  readonly children: ComponentChildren;
}): JSX.Element {
  const { area, children } = props;
  return (
    <main class="embed" {...(area === undefined ? {} : areaAttributes(area))}>
      <h1 class="unseen">{config.value?.name ?? "Farcast"}</h1>
      {children}
    </main>
  );
}
