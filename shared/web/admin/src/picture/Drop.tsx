/** Where pictures are dropped, or chosen. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";

import { Icon } from "@common/icons";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import { faultOf } from "./file";
import type { Rules } from "./file";

interface Props {
  readonly label: string;
  readonly rules: Rules;
  readonly several?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
}

/**
 * A field for picture files, one or `several`, to be dropped or chosen. If one breaks the rules, that is said and
 * none is passed on.
 */
export function Drop({ label, rules, several = false, onFiles }: Props): JSX.Element {
  const { picture } = text.value;
  const id = useId();
  const [isOver, setOver] = useState(false);
  const [problem, setProblem] = useState("");
  const most = count(locale.value, Math.floor(rules.mostBytes / 1_000));
  const take = (list: FileList | null | undefined): void => {
    setOver(false);
    const files = [...(list ?? [])].slice(0, several ? undefined : 1);
    const wrong = files.find((file) => faultOf(file, rules) !== null);
    if (wrong !== undefined) {
      const fault = faultOf(wrong, rules);
      setProblem(fault === "size" ? picture.tooLarge(wrong.name, most) : picture.otherType(wrong.name));
      return;
    }
    setProblem("");
    if (files.length > 0) onFiles(files);
  };
  return (
    <div
      class={isOver ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => {
        setOver(false);
      }}
      onDrop={(event) => {
        event.preventDefault();
        take(event.dataTransfer?.files);
      }}
    >
      <input
        id={id}
        class="drop-input"
        type="file"
        accept={rules.types.join(",")}
        multiple={several}
        aria-describedby={`${id}-hint`}
        onChange={(event) => {
          take(event.currentTarget.files);
          // The same file can be chosen again.
          event.currentTarget.value = "";
        }}
      />
      <label for={id}>
        <Icon name="picture" />
        <span>{label}</span>
      </label>
      <p id={`${id}-hint`} class="hint">
        {picture.hint(
          rules.types.map((type) => type.replace(/^image\/|\+xml$/gu, "").toUpperCase()),
          most,
        )}
      </p>
      {problem !== "" && (
        <p class="problem" role="alert">
          <Icon name="warn" />
          <span dir="auto">{problem}</span>
        </p>
      )}
    </div>
  );
}
