/** Below the player: what is on, what it is about, where else its owner is, and the owner's own text. */
import type { JSX } from "preact";

import { Html } from "@common/Html";

import { config, status, titleOf } from "../server";
import { text } from "../text";
import { Actions } from "./Actions";

/** What stands below the player, by the configuration; nothing before that is there. */
export function About(): JSX.Element | null {
  const now = config.value;
  if (now === null) return null;
  const { page } = text.value;
  const given = titleOf(now, status.value);
  // Always something, so that nothing below moves when the owner gives the broadcast a title.
  const title = given === "" ? now.name : given;
  const links = now.socialHandles.filter(({ url }) => /^(https?|mailto|xmpp|matrix):/iu.test(url));
  return (
    <div class="about">
      <div class="headline">
        <div class="titles">
          <h2 id="title" dir="auto">
            {title}
          </h2>
          {now.summary !== "" && <Html html={now.summary} class="summary" />}
        </div>
        <Actions actions={now.externalActions} />
      </div>
      {(now.tags.length > 0 || links.length > 0) && (
        <div class="labels">
          {now.tags.length > 0 && (
            <ul class="tags" aria-label={page.tags}>
              {now.tags.map((tag) => (
                <li key={tag} dir="auto">
                  {tag}
                </li>
              ))}
            </ul>
          )}
          {links.length > 0 && (
            <ul class="links" aria-label={page.links}>
              {links.map(({ platform, url, icon }) => (
                <li key={url}>
                  <a href={url} target="_blank" rel="me noopener noreferrer" title={platform}>
                    {icon === undefined ? (
                      <span class="initial">{platform.slice(0, 2)}</span>
                    ) : (
                      <img src={icon} alt="" />
                    )}
                    <span class="unseen">
                      {platform} ({page.opensNewTab})
                    </span>
                  </a>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {now.extraPageContent !== "" && (
        <section class="content" aria-label={page.about}>
          <Html html={now.extraPageContent} class="prose" />
        </section>
      )}
      <footer class="foot">{now.version}</footer>
    </div>
  );
}
