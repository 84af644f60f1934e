/** What to do while nothing was ever on air, in four steps: a password, a name, an encoder, and the wait for its broadcast. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Schema } from "@common/api/client";
import { Icon } from "@common/icons";

import { TextField } from "../field/Fields";
import { store } from "../field/useField";
import { text } from "../text";
import { newKey } from "./key";
import { Action, Card, Copyable, Settings } from "./parts";
import { Password } from "./Password";

const STEPS = ["password", "name", "encoder", "wait"] as const;
type Step = (typeof STEPS)[number];
const MOST_KEYS = 8;

/** The guide to a first broadcast; it begins at the second step where the admin password is set. */
export function FirstRun(): JSX.Element {
  return <Settings>{(config) => <Guide config={config} />}</Settings>;
}

function Guide({ config }: { readonly config: Schema<"ServerConfig"> }): JSX.Element {
  const { firstRun } = text.value;
  const [step, setStep] = useState<Step>(config.adminPasswordSet ? "name" : "password");
  const [key, setKey] = useState<string | null>(null);
  const at = STEPS.indexOf(step);
  const heading = useRef<HTMLHeadingElement>(null);
  const before = useRef(step);
  useEffect(() => {
    // Keyboards and screen readers go on where the next step begins.
    if (before.current !== step) heading.current?.focus();
    before.current = step;
  }, [step]);
  const go = (by: number): void => {
    setStep(STEPS[at + by] ?? step);
  };
  return (
    <section class="card guide" aria-label={firstRun.title}>
      <p class="guide-title">{firstRun.title}</p>
      <ol class="guide-steps">
        {STEPS.map((name, index) => (
          <li key={name} class={index < at ? "done" : ""} aria-current={name === step ? "step" : undefined}>
            <span class="guide-number" aria-hidden="true">
              {index < at ? <Icon name="check" /> : index + 1}
            </span>
            {firstRun.steps[name]}
          </li>
        ))}
      </ol>
      <h2 ref={heading} tabIndex={-1}>
        {firstRun.headings[step]}
      </h2>
      {step === "password" && <Password isApart={config.adminPasswordSet} />}
      {step === "name" && <NameStep config={config} />}
      {step === "encoder" && <EncoderStep config={config} made={key} onMade={setKey} />}
      {step === "wait" && (
        <p class="waiting" role="status">
          {firstRun.waiting}
        </p>
      )}
      <div class="buttons">
        {at > 0 && (
          <button
            type="button"
            class="button"
            onClick={() => {
              go(-1);
            }}
          >
            {firstRun.back}
          </button>
        )}
        <span class="space" />
        {at < STEPS.length - 1 && (
          <button
            type="button"
            class="button primary"
            onClick={() => {
              go(1);
            }}
          >
            {firstRun.next}
          </button>
        )}
      </div>
    </section>
  );
}

function NameStep({ config }: { readonly config: Schema<"ServerConfig"> }): JSX.Element {
  const { general, when } = text.value;
  const { name, summary } = config.instanceDetails;
  return (
    <Card title={general.who} when={when.soon}>
      <TextField label={general.name} kept={name} setter="/api/admin/config/name" maxLength={255} required />
      <TextField
        label={general.summary}
        hint={general.markdown}
        kept={summary}
        setter="/api/admin/config/serversummary"
        maxLength={10_000}
        lines={3}
      />
    </Card>
  );
}

interface EncoderProps {
  readonly config: Schema<"ServerConfig">;
  readonly made: string | null;
  readonly onMade: (key: string) => void;
}

function EncoderStep({ config, made, onMade }: EncoderProps): JSX.Element {
  const { firstRun } = text.value;
  const server = `rtmp://${location.hostname}:${config.rtmpServerPort}/live`;
  const ffmpeg =
    "ffmpeg -re -i video.mp4 -c:v libx264 -preset veryfast -b:v 2500k -pix_fmt yuv420p -g 60 " +
    `-c:a aac -b:a 160k -f flv ${server}/${made ?? firstRun.yourKey}`;
  return (
    <>
      <div class="stack">
        <Copyable label={firstRun.server} value={server} />
        <p class="hint">{firstRun.serverHint}</p>
        {made === null ? (
          <div class="buttons">
            <Action
              face={firstRun.makeKey}
              disabled={config.streamKeys.length >= MOST_KEYS}
              act={async () => {
                const key = newKey();
                const all = [...config.streamKeys, { key, comment: firstRun.keyComment }];
                await store("/api/admin/config/streamkeys", all);
                onMade(key);
              }}
              onDone={() => undefined}
            />
            <span class="hint">{firstRun.keyHint}</span>
          </div>
        ) : (
          <Copyable label={firstRun.key} value={made} />
        )}
      </div>
      <h3>OBS Studio</h3>
      <ol class="steps">
        {firstRun.obs.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ol>
      <h3>ffmpeg</h3>
      <Copyable label={firstRun.ffmpeg} value={ffmpeg} />
    </>
  );
}
