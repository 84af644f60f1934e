/** Shows HTML of the server, cleaned. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { clean } from "./html";

interface Props {
  readonly html: string;
  readonly class?: string;
}

export function Html({ html, class: className }: Props): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    root.current?.replaceChildren(clean(html));
  }, [html]);
  return <div ref={root} class={className} dir="auto" />;
}
