/** What viewers read about the server. */
import type { JSX } from "preact";

import { ListField, SwitchField, TextField } from "../field/Fields";
import { text } from "../text";
import { Card, Settings } from "./parts";
import { SocialLinks } from "./SocialLinks";

/** The part with what viewers read about the server: name, title, summary, tags, links, and who it is for. */
export function General(): JSX.Element {
  const { general, when } = text.value;
  return (
    <Settings>
      {({ instanceDetails: is, hideViewerCount, yp }) => (
        <>
          <Card title={general.who} when={when.soon}>
            <TextField
              label={general.name}
              kept={is.name}
              setter="/api/admin/config/name"
              maxLength={255}
              required
            />
            <TextField
              label={general.title}
              hint={general.titleHint}
              kept={is.streamTitle}
              setter="/api/admin/config/streamtitle"
              maxLength={255}
            />
            <TextField
              label={general.summary}
              hint={general.markdown}
              kept={is.summary}
              setter="/api/admin/config/serversummary"
              maxLength={10_000}
              lines={3}
            />
            <ListField
              label={general.tags}
              hint={general.perLine}
              kept={is.tags}
              setter="/api/admin/config/tags"
            />
          </Card>
          <Card title={general.social} when={when.soon}>
            <SocialLinks kept={is.socialHandles} />
          </Card>
          <Card title={general.audience} when={when.soon}>
            <SwitchField
              label={general.nsfw}
              hint={general.nsfwHint}
              kept={is.nsfw}
              setter="/api/admin/config/nsfw"
            />
            <SwitchField
              label={general.showCount}
              kept={hideViewerCount}
              setter="/api/admin/config/hideviewercount"
              isInverse
            />
            <TextField
              label={general.url}
              hint={general.urlHint}
              kept={yp.instanceUrl}
              setter="/api/admin/config/serverurl"
              maxLength={2_048}
              type="url"
              required={yp.instanceUrl !== ""}
            />
            <SwitchField
              label={general.directory}
              hint={general.directoryHint}
              kept={yp.enabled}
              setter="/api/admin/config/directoryenabled"
            />
          </Card>
        </>
      )}
    </Settings>
  );
}
