/** Which version this is, under which licence, where viewers and other programs find the server, and how a backup is made. */
import type { JSX } from "preact";

import { text } from "../text";
import { servesViewers, viewerAddress } from "../viewerAddress";
import { BackupDownload } from "./BackupDownload";
import { Card, Copyable, Settings } from "./parts";

/** The part about the server: version and licence, addresses for viewers and for other pages, and backups. */
export function About(): JSX.Element {
  const { about } = text.value;
  return (
    <Settings>
      {({ instanceDetails: { version }, yp: { instanceUrl } }) => {
        const base = viewerAddress(instanceUrl, servesViewers.value, location.origin);
        return (
          <>
            <Card title={about.title} intro={about.intro}>
              <dl class="facts">
                <div>
                  <dt>{about.version}</dt>
                  <dd>{version}</dd>
                </div>
                <div>
                  <dt>{about.licence}</dt>
                  <dd>Apache-2.0</dd>
                </div>
              </dl>
            </Card>
            <Card title={about.addresses} intro={about.addressesIntro}>
              {base === undefined ? (
                <p class="hint">{about.noAddresses}</p>
              ) : (
                <div class="stack">
                  <Copyable label={about.page} value={`${base}/`} />
                  <Copyable label={about.playlist} value={`${base}/hls/stream.m3u8`} />
                  <Copyable label={about.video} value={frame(`${base}/embed/video`, "16 / 9")} />
                  <Copyable label={about.chat} value={frame(`${base}/embed/chat/readwrite`, "9 / 16")} />
                </div>
              )}
            </Card>
            <Card title={about.backup} intro={about.backupIntro}>
              <BackupDownload />
              <p class="hint">{about.backupCommands}</p>
              <div class="stack">
                <Copyable label={about.makeBackup} value={`farcast-origin backup farcast.backup${CONFIG}`} />
                <Copyable label={about.checkBackup} value="farcast-origin check-backup farcast.backup" />
                <Copyable
                  label={about.restoreBackup}
                  value={`farcast-origin restore farcast.backup${CONFIG}`}
                />
              </div>
            </Card>
          </>
        );
      }}
    </Settings>
  );
}

/** Where the origin's settings are, as a package or the README has it. */
const CONFIG = " --config /etc/farcast/origin.toml";

/** What others paste into a page of theirs. */
function frame(url: string, shape: string): string {
  return `<iframe src="${url}" title="Farcast" style="width: 100%; aspect-ratio: ${shape}; border: 0" allowfullscreen></iframe>`;
}
