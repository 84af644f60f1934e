/** How the viewer page looks: logo, what it says, its styles and its buttons. */
import type { JSX } from "preact";

import { get } from "@common/api/client";
import { Html } from "@common/Html";

import { TextField } from "../field/Fields";
import { Logo } from "../picture/Logo";
import { usePolled } from "../polled";
import { text } from "../text";
import { ExternalActions } from "./ExternalActions";
import { Card, Settings } from "./parts";

/** Edges take a change up a moment after the origin has it. */
const PREVIEW_EVERY_MS = 3_000;

export function Page(): JSX.Element {
  const { page, general, when } = text.value;
  return (
    <>
      <Logo />
      <Settings>
        {({ instanceDetails: is, externalActions }) => (
          <>
            <Card title={page.offAir} when={when.soon}>
              <TextField
                label={general.offline}
                hint={general.offlineHint}
                kept={is.offlineMessage}
                setter="/api/admin/config/offlinemessage"
                maxLength={10_000}
                lines={3}
              />
            </Card>
            <Content kept={is.extraPageContent} />
            <ExternalActions kept={externalActions} />
            <Card title={page.styles} intro={page.stylesIntro} when={when.soon}>
              <TextField
                label={page.css}
                hint={page.cssHint}
                kept={is.customStyles}
                setter="/api/admin/config/customstyles"
                maxLength={90_000}
                lines={8}
                isCode
              />
            </Card>
          </>
        )}
      </Settings>
    </>
  );
}

function Content({ kept }: { readonly kept: string }): JSX.Element {
  const { page, general, when } = text.value;
  const shown = usePolled(() => get("/api/config"), PREVIEW_EVERY_MS);
  const html = shown.value.value?.extraPageContent ?? "";
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
          onSaved={shown.refresh}
        />
        <section class="row" aria-label={page.preview}>
          <p class="label">{page.preview}</p>
          {/* It scrolls, so keyboards have to reach it. */}
          <div class="preview" tabIndex={0} role="group" aria-label={page.preview}>
            {html === "" ? (
              <p class="quiet">{page.nothing}</p>
            ) : (
              <Html html={html} class="prose" pictures="own" />
            )}
          </div>
          <p class="hint">{page.previewHint}</p>
        </section>
      </div>
    </Card>
  );
}
