/** What stands below the video, and, while it is typed, how viewers will see it. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { post } from "@common/api/client";
import { Html } from "@common/Html";
import { Icon } from "@common/icons";

import { wordsOfFailure } from "../failure";
import { TextField } from "../field/Fields";
import { latest } from "../latest";
import { ask } from "../session";
import { text } from "../text";
import { Card } from "./parts";

/** Short enough to follow, long enough that a word is not asked about letter by letter. */
const PAUSE_MS = 300;

/**
 * The card with the text below the video, in Markdown of at most 90,000 characters, beside a preview that follows the
 * typing.
 */
export function Content({ kept }: { readonly kept: string }): JSX.Element {
  const { page, general, when } = text.value;
  const [typed, setTyped] = useState(kept);
  return (
    <Card title={general.content} intro={page.contentIntro} when={when.soon}>
      <div class="columns">
        <TextField
          label={page.written}
          hint={general.markdown}
          kept={kept}
          setter="/api/admin/config/pagecontent"
          maxLength={90_000}
          lines={14}
          onDraft={setTyped}
        />
        <Preview markdown={typed} />
      </div>
    </Card>
  );
}

/** Rendered by the server as it renders what is saved, and cleaned as the viewer page does. */
function Preview({ markdown }: { readonly markdown: string }): JSX.Element {
  const { page } = text.value;
  const [html, setHtml] = useState("");
  const [problem, setProblem] = useState("");
  const [shown] = useState(() =>
    latest({
      pauseMs: PAUSE_MS,
      ask: (value: string, signal) =>
        ask((options) => post("/api/admin/pagecontent/preview", { value }, { ...options, signal })),
      onAnswer: (answer) => {
        setHtml(answer.html);
        setProblem("");
      },
      onFailure: (error) => {
        setProblem(wordsOfFailure(error));
      },
    }),
  );
  useEffect(() => {
    shown.want(markdown);
  }, [shown, markdown]);
  useEffect(() => shown.stop, [shown]);
  return (
    <section class="row" aria-label={page.preview}>
      <p class="label">{page.preview}</p>
      {/* It scrolls, so keyboards have to reach it. */}
      <div
        class={problem === "" ? "preview" : "preview old"}
        tabIndex={0}
        role="group"
        aria-label={page.preview}
      >
        {html === "" ? (
          <p class="quiet">{page.nothing}</p>
        ) : (
          <Html html={html} class="prose" pictures="own" />
        )}
      </div>
      <p class={problem === "" ? "hint" : "problem"} role="status">
        {problem === "" ? (
          page.previewHint
        ) : (
          <>
            <Icon name="warn" />
            {page.previewOld(problem)}
          </>
        )}
      </p>
    </section>
  );
}
