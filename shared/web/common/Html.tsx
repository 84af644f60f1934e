/** Shows HTML of the server, cleaned. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { clean } from "./html";
import type { Pictures } from "./html";

interface Props {
  readonly html: string;
  readonly class?: string;
  /** Whose pictures are shown; anybody's, as owners may put onto their page. */
  readonly pictures?: Pictures;
}

/** Shows HTML in an element of its own, with all left out that `clean` does not keep. */
export function Html({ html, class: className, pictures = "all" }: Props): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    root.current?.replaceChildren(clean(html, pictures));
  }, [html, pictures]);
  return <div ref={root} class={className} dir="auto" />;
}
