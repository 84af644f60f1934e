/** The server's logo. Edges have it; at the origin's own address there is none, and nothing stands in its place. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

export function Logo(props: { readonly class?: string; readonly size: number }): JSX.Element | null {
  const [isThere, setThere] = useState(true);
  if (!isThere) return null;
  return (
    <img
      class={props.class}
      src="/logo"
      alt=""
      width={props.size}
      height={props.size}
      onError={() => {
        setThere(false);
      }}
    />
  );
}
