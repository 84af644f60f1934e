/** How the viewer page looks: logo, what it says, its styles and its buttons. */
import type { JSX } from "preact";

import { Colors } from "../colors/Colors";
import { TextField } from "../field/Fields";
import { Logo } from "../picture/Logo";
import { text } from "../text";
import { Content } from "./Content";
import { ExternalActions } from "./ExternalActions";
import { Card, Settings } from "./parts";

/** The part with the look of the viewer page: logo, words while off air, text, buttons, colours and styles. */
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
            <Colors kept={is.appearanceVariables} />
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
