/** What the parts of the page are made of. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { get } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { copy, hasClipboard } from "@common/clipboard";
import { Dialog } from "@common/dialog";
import { Icon } from "@common/icons";

import { wordsOfFailure } from "../failure";
import { usePolled } from "../polled";
import type { Polled } from "../polled";
import { ask } from "../session";
import { text } from "../text";

/** A box of a part of the page: title, introduction, buttons at its head (`actions`), and what is inside. */
export function Card(props: {
  readonly title: string;
  readonly intro?: string;
  /** When changes of what is inside take effect. */
  readonly when?: string;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="card">
      <div class="card-head">
        <h2>{props.title}</h2>
        {props.actions}
      </div>
      {props.intro !== undefined && <p class="quiet card-intro">{props.intro}</p>}
      {props.children}
      {props.when !== undefined && (
        <p class="when quiet small">
          <Icon name="clock" />
          {props.when}
        </p>
      )}
    </section>
  );
}

/** What was read, or that it is being read, or why it cannot be. */
export function Loaded<T>(props: {
  readonly of: Polled<T>;
  readonly children: (value: T) => ComponentChildren;
}): JSX.Element {
  const value = props.of.value.value;
  const failure = props.of.failure.value;
  return (
    <>
      {failure !== "" && (
        <p class="notice bad" role="alert">
          <Icon name="warn" />
          <span>{failure}</span>
          <button type="button" class="text-button" onClick={props.of.refresh}>
            {text.value.tryAgain}
          </button>
        </p>
      )}
      {value === null ? (
        failure === "" && (
          <p class="quiet" role="status">
            {text.value.loading}
          </p>
        )
      ) : (
        <>{props.children(value)}</>
      )}
    </>
  );
}

/** All settings, read when a part is opened; its fields then keep their own. */
export function Settings(props: {
  readonly children: (config: Schema<"ServerConfig">) => ComponentChildren;
}): JSX.Element {
  const config = usePolled(() => ask((options) => get("/api/admin/serverconfig", options)), 0);
  return <Loaded of={config}>{props.children}</Loaded>;
}

/** A value to be pasted elsewhere. */
export function Copyable({ label, value }: { readonly label: string; readonly value: string }): JSX.Element {
  const [isCopied, setCopied] = useState(false);
  const timer = useRef<number | undefined>(undefined);
  useEffect(
    () => () => {
      window.clearTimeout(timer.current);
    },
    [],
  );
  const onCopy = (): void => {
    void copy(value).then((isDone) => {
      setCopied(isDone);
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(() => {
        setCopied(false);
      }, 2_500);
    });
  };
  return (
    <div class="copyable">
      <span class="small quiet">{label}</span>
      <div class="copyable-line">
        <code dir="ltr">{value}</code>
        {hasClipboard && (
          <button type="button" class="button" onClick={onCopy} aria-label={`${text.value.copy}: ${label}`}>
            <Icon name={isCopied ? "check" : "copy"} />
            {isCopied ? text.value.copied : text.value.copy}
          </button>
        )}
      </div>
      <span class="unseen" role="status">
        {isCopied ? text.value.copied : ""}
      </span>
    </div>
  );
}

interface ActionProps {
  readonly face: ComponentChildren;
  readonly act: () => Promise<unknown>;
  readonly onDone?: () => void;
  /** Asked before it is done; without it, it is done at once. */
  readonly sure?: string;
  readonly class?: string;
  readonly label?: string;
  readonly disabled?: boolean;
}

/** A button that does something at the server, asks before where it matters, and says why it failed. */
export function Action(props: ActionProps): JSX.Element {
  const [isAsked, setAsked] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const run = (): void => {
    setBusy(true);
    setProblem("");
    props.act().then(
      () => {
        setBusy(false);
        setAsked(false);
        props.onDone?.();
      },
      (error: unknown) => {
        setBusy(false);
        setProblem(wordsOfFailure(error));
      },
    );
  };
  const alert = problem !== "" && (
    <p class="problem" role="alert">
      {problem}
    </p>
  );
  return (
    <>
      <button
        type="button"
        class={`button ${props.class ?? ""}`}
        disabled={isBusy || props.disabled === true}
        aria-label={props.label}
        onClick={() => {
          if (props.sure === undefined) run();
          else setAsked(true);
        }}
      >
        {props.face}
      </button>
      {isAsked ? (
        <Dialog
          label={props.sure ?? ""}
          onClose={() => {
            setAsked(false);
          }}
        >
          <p dir="auto">{props.sure}</p>
          {alert}
          <div class="dialog-buttons">
            <button
              type="button"
              class="button"
              onClick={() => {
                setAsked(false);
                setProblem("");
              }}
            >
              {text.value.cancel}
            </button>
            <button type="button" class="button danger" disabled={isBusy} onClick={run}>
              {props.label ?? props.face}
            </button>
          </div>
        </Dialog>
      ) : (
        alert
      )}
    </>
  );
}
