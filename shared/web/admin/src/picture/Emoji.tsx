/** The server's own emoji: pictures that chatters put between words. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { get, post } from "@common/api/client";
import { Icon } from "@common/icons";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { wordsOfFailure } from "../failure";
import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { Action, Card, Loaded } from "../views/parts";
import { Drop } from "./Drop";
import { dataUri, emojiName } from "./file";

const RULES = {
  types: ["image/png", "image/gif", "image/webp", "image/jpeg", "image/svg+xml"],
  mostBytes: 190_000,
};
const MOST = 300;
/** Edges learn of a new picture a little later than the origin that was given it. */
const EVERY_MS = 3_000;

/** The file's name, as the API deletes by it. */
function fileOf(url: string): string {
  return decodeURIComponent(url.slice(url.lastIndexOf("/") + 1));
}

/**
 * The card of the server's own emoji: each with a button that removes it, and a field for more while there are fewer
 * than 300.
 */
export function Emoji(): JSX.Element {
  const { emoji, when } = text.value;
  const list = usePolled(() => get("/api/emoji"), EVERY_MS);
  const [sending, setSending] = useState(0);
  const [problem, setProblem] = useState("");
  const [gone, setGone] = useState<readonly string[]>([]);
  const upload = async (files: readonly File[]): Promise<void> => {
    setProblem("");
    for (const [index, file] of files.entries()) {
      setSending(files.length - index);
      const name = emojiName(file.name, file.type);
      if (name === "") {
        setProblem(emoji.noName(file.name));
        continue;
      }
      try {
        const data = await dataUri(file);
        await ask((options) => post("/api/admin/emoji/upload", { name, data }, options));
        setGone((before) => before.filter((one) => one !== name));
      } catch (error) {
        setProblem(`${file.name}: ${wordsOfFailure(error)}`);
      }
    }
    setSending(0);
    list.refresh();
  };
  return (
    <Card title={emoji.title} intro={emoji.intro} when={when.soon}>
      <Loaded of={list}>
        {(all) => {
          const shown = all.filter(({ url }) => !gone.includes(fileOf(url)));
          return (
            <>
              <ul class="emoji-list">
                {shown.map(({ name, url }) => (
                  <li key={url}>
                    <img src={url} alt="" width="32" height="32" loading="lazy" />
                    <code dir="ltr">:{name}:</code>
                    <Action
                      face={<Icon name="close" />}
                      class="small-button"
                      label={emoji.remove(name)}
                      sure={emoji.removeSure(name)}
                      act={() =>
                        ask((options) => post("/api/admin/emoji/delete", { name: fileOf(url) }, options))
                      }
                      onDone={() => {
                        setGone((before) => [...before, fileOf(url)]);
                      }}
                    />
                  </li>
                ))}
              </ul>
              {shown.length === 0 && <p class="quiet">{emoji.none}</p>}
              {shown.length < MOST && (
                <Drop
                  label={sending > 0 ? emoji.sending(count(locale.value, sending)) : emoji.choose}
                  rules={RULES}
                  several
                  onFiles={(files) => void upload(files)}
                />
              )}
            </>
          );
        }}
      </Loaded>
      {problem !== "" && (
        <p class="problem" role="alert">
          <Icon name="warn" />
          <span dir="auto">{problem}</span>
        </p>
      )}
    </Card>
  );
}
