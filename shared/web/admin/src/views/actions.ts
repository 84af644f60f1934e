/** External actions by the rules of the API. Pure. */
import type { Schema } from "@common/api/client";

/** A button of the owner's on the viewer page, as the API has it. */
export type ExternalAction = Schema<"ExternalAction">;

/** The most actions that the API takes. */
export const MOST_ACTIONS = 50;

/** The field of an action that is at fault: a title that is missing, or an address of no web page. */
export type Fault = "title" | "url" | "icon";

/** The action that is added: all of it still to be filled in. */
export const newAction: ExternalAction = {
  url: "",
  title: "",
  description: "",
  icon: "",
  color: "",
  openExternally: false,
};

function isWebAddress(url: string): boolean {
  return /^https?:/iu.test(url) && URL.canParse(url) && new URL(url).hostname !== "";
}

/** What is wrong with one of them; what is only empty yet counts too. */
export function faultsOf({ title, url, icon }: ExternalAction): Fault[] {
  const faults: Fault[] = [];
  if (title.trim() === "") faults.push("title");
  if (!isWebAddress(url.trim())) faults.push("url");
  if (icon.trim() !== "" && !isWebAddress(icon.trim())) faults.push("icon");
  return faults;
}

/** A colour as a colour field has it; none is the page's own. */
export function hexOf(color: string): string | null {
  const short = /^#([\da-f])([\da-f])([\da-f])$/iu.exec(color);
  if (short !== null)
    return `#${short
      .slice(1)
      .map((digit) => digit + digit)
      .join("")}`.toLowerCase();
  return /^#[\da-f]{6}$/iu.test(color) ? color.toLowerCase() : null;
}
