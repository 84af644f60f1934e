/** The broadcast as viewers see it, small and without sound. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { playPreview } from "../preview";
import { text } from "../text";

export function Preview(): JSX.Element {
  const { preview } = text.value;
  const video = useRef<HTMLVideoElement>(null);
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (video.current === null) return undefined;
    return playPreview(video.current, (phase) => {
      setShown(phase === "playing" || phase === "buffering" || phase === "reconnecting");
    });
  }, []);
  return (
    <div class="preview-box">
      <video ref={video} muted playsInline aria-label={preview.label} />
      {!isShown && (
        <p class="preview-wait" role="status">
          {preview.coming}
        </p>
      )}
    </div>
  );
}
