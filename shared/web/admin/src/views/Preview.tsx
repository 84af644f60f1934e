/** The broadcast as viewers see it, small and without sound. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { playPreview } from "../preview";
import { text } from "../text";
import { servesViewers } from "../viewerAddress";

/**
 * The broadcast in a small muted video; where it cannot be shown, that it is coming, or that this address serves no
 * viewers.
 */
export function Preview(): JSX.Element {
  const { preview } = text.value;
  const video = useRef<HTMLVideoElement>(null);
  const [isShown, setShown] = useState(false);
  const isElsewhere = servesViewers.value === false;
  useEffect(() => {
    if (video.current === null || isElsewhere) return undefined;
    return playPreview(video.current, (phase) => {
      setShown(phase === "playing" || phase === "buffering" || phase === "reconnecting");
    });
  }, [isElsewhere]);
  return (
    <div class="preview-box">
      {!isElsewhere && <video ref={video} muted playsInline aria-label={preview.label} />}
      {!isShown && (
        <p class="preview-wait" role="status">
          {isElsewhere ? preview.elsewhere : preview.coming}
        </p>
      )}
    </div>
  );
}
