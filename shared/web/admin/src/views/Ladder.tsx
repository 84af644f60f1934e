/** The qualities: changed together and saved together, since one alone may not fit the others. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";

import { Icon } from "@common/icons";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { Outcome } from "../field/Fields";
import { useField } from "../field/useField";
import { text } from "../text";
import {
  costOf,
  CPU_LEVELS,
  faultsOf,
  heightOf,
  isSound,
  MOST_QUALITIES,
  named,
  nameOfQuality,
  newQuality,
} from "./ladder";
import type { Fault, Quality } from "./ladder";
import { Card } from "./parts";

/**
 * The card with the qualities, 1 to 10, and what they cost; saved together once none has a fault. `kept` is what the
 * server has.
 */
export function Ladder({ kept }: { readonly kept: readonly Quality[] }): JSX.Element {
  const { video, form } = text.value;
  const { field, edit, save, undo } = useField(kept, "/api/admin/config/video/streamoutputvariants");
  const all = field.draft;
  const cost = costOf(all);
  const isChanged = field.phase === "changed" || field.phase === "failed";
  return (
    <Card
      title={video.qualities}
      intro={video.qualitiesIntro}
      when={video.nextBroadcast}
      actions={<Outcome field={field} undo={undo} />}
    >
      <ol class="ladder">
        {all.map((quality, index) => (
          <li key={index} class="rung">
            <Rung
              quality={quality}
              all={all}
              canRemove={all.length > 1}
              onChange={(changed) => {
                edit(all.map((one, at) => (at === index ? { ...one, ...changed } : one)));
              }}
              onRemove={() => {
                edit(all.filter((_, at) => at !== index));
              }}
            />
          </li>
        ))}
      </ol>
      <p class="quiet small">
        {video.cost(count(locale.value, cost.encoded), count(locale.value, cost.kbit))}
      </p>
      <div class="buttons">
        <button
          type="button"
          class="button"
          disabled={all.length >= MOST_QUALITIES}
          onClick={() => {
            edit([...all, newQuality]);
          }}
        >
          {video.add}
        </button>
        <span class="space" />
        {field.phase === "changed" && (
          <button type="button" class="button" onClick={undo}>
            {form.undo}
          </button>
        )}
        <button
          type="button"
          class="button primary"
          disabled={!isChanged || !isSound(all)}
          onClick={() => {
            save(named(all));
          }}
        >
          {video.save}
        </button>
      </div>
    </Card>
  );
}

interface RungProps {
  readonly quality: Quality;
  readonly all: readonly Quality[];
  readonly canRemove: boolean;
  readonly onChange: (changed: Partial<Quality>) => void;
  readonly onRemove: () => void;
}

function Rung({ quality, all, canRemove, onChange, onRemove }: RungProps): JSX.Element {
  const { video } = text.value;
  const id = useId();
  const faults = faultsOf(quality, all);
  const name = nameOfQuality(quality);
  return (
    <fieldset class="plain" aria-describedby={`${id}-faults`}>
      <legend class="rung-head">
        <strong dir="auto">{name}</strong>
        <button
          type="button"
          class="icon-button"
          disabled={!canRemove}
          aria-label={video.remove(name)}
          title={video.remove(name)}
          onClick={onRemove}
        >
          <Icon name="close" />
        </button>
      </legend>
      <div class="rung-fields">
        <NameField quality={quality} faults={faults} onChange={onChange} />
        <WayField quality={quality} onChange={onChange} />
        {!quality.videoPassthrough && <EncodedFields quality={quality} faults={faults} onChange={onChange} />}
      </div>
      <div id={`${id}-faults`} role="status">
        <ul class="faults">
          {faults.map((fault) => (
            <li key={fault} class="problem">
              {video.faults[fault]}
            </li>
          ))}
        </ul>
      </div>
    </fieldset>
  );
}

type FieldProps = Pick<RungProps, "quality" | "onChange">;
type FaultyProps = FieldProps & { readonly faults: readonly Fault[] };

function NameField({ quality, faults, onChange }: FaultyProps): JSX.Element {
  return (
    <label>
      <span class="small quiet">{text.value.video.name}</span>
      <input
        class="field"
        dir="auto"
        maxLength={64}
        value={quality.name}
        placeholder={nameOfQuality({ ...quality, name: "" })}
        aria-invalid={faults.includes("sameName")}
        onInput={(event) => {
          onChange({ name: event.currentTarget.value });
        }}
      />
    </label>
  );
}

/** Whether the video is sent as it comes, or encoded anew. */
function WayField({ quality, onChange }: FieldProps): JSX.Element {
  const { video } = text.value;
  return (
    <label>
      <span class="small quiet">{video.how}</span>
      <select
        class="field"
        value={quality.videoPassthrough ? "as-it-comes" : "encoded"}
        onChange={(event) => {
          const isPassed = event.currentTarget.value === "as-it-comes";
          const { videoBitrate, framerate } = quality;
          // What was passed through has no figures of its own yet.
          const figures = {
            videoBitrate: videoBitrate === 0 ? newQuality.videoBitrate : videoBitrate,
            framerate: framerate === 0 ? newQuality.framerate : framerate,
          };
          onChange({ videoPassthrough: isPassed, ...(isPassed ? {} : figures) });
        }}
      >
        <option value="as-it-comes">{video.asItComes}</option>
        <option value="encoded">{video.encoded}</option>
      </select>
    </label>
  );
}

/** What only video that is encoded anew has. */
function EncodedFields({ quality, faults, onChange }: FaultyProps): JSX.Element {
  const { video } = text.value;
  return (
    <>
      <NumberField
        label={video.height}
        value={heightOf(quality)}
        isWrong={faults.includes("height")}
        onChange={(scaledHeight) => {
          // The width follows, so that the picture keeps its shape.
          onChange({ scaledHeight, scaledWidth: 0 });
        }}
      />
      <NumberField
        label={video.bitRate}
        value={quality.videoBitrate}
        isWrong={faults.includes("bitRate")}
        onChange={(videoBitrate) => {
          onChange({ videoBitrate });
        }}
      />
      <NumberField
        label={video.frameRate}
        value={quality.framerate}
        isWrong={faults.includes("frameRate")}
        onChange={(framerate) => {
          onChange({ framerate });
        }}
      />
      <label>
        <span class="small quiet">{video.cpu}</span>
        <select
          class="field"
          value={quality.cpuUsageLevel}
          onChange={(event) => {
            onChange({ cpuUsageLevel: Number(event.currentTarget.value) });
          }}
        >
          {CPU_LEVELS.map((level) => (
            <option key={level} value={level}>
              {video.cpuLevels[level]}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

function NumberField(props: {
  readonly label: string;
  readonly value: number;
  readonly isWrong: boolean;
  readonly onChange: (value: number) => void;
}): JSX.Element {
  return (
    <label>
      <span class="small quiet">{props.label}</span>
      <input
        class="field"
        type="number"
        inputMode="numeric"
        min={0}
        value={Number.isNaN(props.value) ? "" : props.value}
        aria-invalid={props.isWrong}
        onInput={(event) => {
          props.onChange(event.currentTarget.valueAsNumber);
        }}
      />
    </label>
  );
}
