/** All emoji, the server's own first, with a search. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { text } from "../text";
import { search, UNICODE } from "./emoji";
import type { Emoji } from "./emoji";

const MOST_FOUND = 96;

/** An emoji as it looks: its character or its picture. Screen readers are told nothing. */
export function EmojiFace({ emoji }: { readonly emoji: Emoji }): JSX.Element {
  if (emoji.char !== undefined) return <span aria-hidden="true">{emoji.char}</span>;
  return <img class="emoji" src={emoji.url} alt="" loading="lazy" />;
}

interface Props {
  readonly own: readonly Emoji[];
  /** `isMore`: another may follow (shift is held). */
  readonly onPick: (emoji: Emoji, isMore: boolean) => void;
}

/** All emoji by groups, or the first 96 whose name has what is searched for, of which Enter picks the first. */
export function EmojiPicker({ own, onPick }: Props): JSX.Element {
  const { chat } = text.value;
  const [wanted, setWanted] = useState("");
  const word = wanted.trim().replace(/^:|:$/gu, "");
  const found = word === "" ? undefined : search(word, own).slice(0, MOST_FOUND);
  const groups: readonly (readonly [string, readonly Emoji[]])[] =
    found === undefined
      ? [
          ...(own.length > 0 ? [[chat.ownEmoji, own] as const] : []),
          ...UNICODE.map(([group, emoji]) => [chat.groups[group], emoji] as const),
        ]
      : [["", found]];
  return (
    <div class="emoji-picker">
      <input
        type="search"
        class="field"
        placeholder={chat.searchEmoji}
        aria-label={chat.searchEmoji}
        value={wanted}
        data-first
        onInput={(event) => {
          setWanted(event.currentTarget.value);
        }}
        onKeyDown={(event) => {
          const best = found?.[0];
          if (event.key !== "Enter" || best === undefined) return;
          event.preventDefault();
          onPick(best, event.shiftKey);
        }}
      />
      <div class="emoji-groups">
        {found?.length === 0 && <p class="hint">{chat.noEmoji}</p>}
        {groups.map(([title, emoji]) => (
          <section key={title} aria-label={title}>
            {title !== "" && <h3 class="menu-title">{title}</h3>}
            <div class="emoji-grid">
              {emoji.map((one) => (
                <button
                  key={`${one.name} ${one.url ?? ""}`}
                  type="button"
                  aria-label={one.name}
                  title={`:${one.name}:`}
                  onClick={(event) => {
                    onPick(one, event.shiftKey);
                  }}
                >
                  <EmojiFace emoji={one} />
                </button>
              ))}
            </div>
          </section>
        ))}
      </div>
    </div>
  );
}
