/**
 * HTML that a server sends (messages, texts of operators) as nodes for a page. Servers have cleaned messages already, and
 * the pages' Content-Security-Policy runs nothing of it; this is the second lock: only what is listed here is kept.
 */

/** Elements that are shown, with their attributes beyond those of all. Of others the content stays. */
const ELEMENTS: Readonly<Record<string, readonly string[]>> = {
  a: ["href", "target"],
  img: ["src", "alt", "width", "height"],
  ...Object.fromEntries(
    (
      "abbr b blockquote br caption center cite code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i ins " +
      "kbd li mark ol p pre q s section small span strong sub summary sup table tbody td tfoot th thead tr u ul"
    )
      .split(" ")
      .map((name) => [name, []]),
  ),
};
/** What is left out with all that is in it. */
const DROPPED =
  "script, style, template, iframe, object, embed, form, svg, math, noscript, audio, video, link, meta, base";
const OF_ALL = ["title", "class", "lang", "dir", "align", "id"];

/** Whether an address leads to a page, and runs nothing. */
export function isSafeLink(href: string): boolean {
  const given = href.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):/iu.exec(given.replace(/[\s\p{Cc}]/gu, ""))?.[1]?.toLowerCase();
  return scheme === undefined || ["http", "https", "mailto", "tel", "xmpp", "matrix"].includes(scheme);
}

function cleanAttributes(element: Element, own: readonly string[]): void {
  for (const { name, value } of [...element.attributes]) {
    const isKept = OF_ALL.includes(name) || own.includes(name);
    const isLink = name === "href" || name === "src";
    if (!isKept || (isLink && !isSafeLink(value))) element.removeAttribute(name);
  }
  if (element.tagName === "A") {
    element.setAttribute("rel", "nofollow noreferrer noopener");
    const href = element.getAttribute("href") ?? "";
    if (/^https?:/iu.test(href)) element.setAttribute("target", "_blank");
  }
  if (element.tagName === "IMG") element.setAttribute("loading", "lazy");
  // A page's own ids keep their meaning.
  if (element.id !== "") element.id = `content-${element.id}`;
}

/** Whose pictures are shown: anybody's, or those of this server only. */
export type Pictures = "all" | "own";

/** The nodes of `html`, cleaned. */
export function clean(html: string, pictures: Pictures): DocumentFragment {
  if (!/[<&]/u.test(html)) {
    // Only text, as most messages: nothing to take apart.
    const plain = document.createDocumentFragment();
    plain.append(html);
    return plain;
  }
  // What is in a template belongs to no page: it loads nothing and runs nothing.
  const template = document.createElement("template");
  template.innerHTML = html;
  const { content } = template;
  for (const dropped of content.querySelectorAll(DROPPED)) dropped.remove();
  for (const picture of pictures === "own" ? content.querySelectorAll("img") : []) {
    if (!/^\/(?![/\\])/u.test(picture.getAttribute("src") ?? "")) picture.remove();
  }
  for (const element of [...content.querySelectorAll("*")]) {
    const own = ELEMENTS[element.localName];
    if (own === undefined) element.replaceWith(...element.childNodes);
    else cleanAttributes(element, own);
  }
  return content;
}

/** What HTML says, as text; pictures are what stands for them. */
export function wordsOf(html: string): string {
  if (!/[<&]/u.test(html)) return html.trim();
  const content = clean(html, "own");
  for (const picture of content.querySelectorAll("img")) picture.replaceWith(picture.alt);
  return content.textContent.trim();
}
