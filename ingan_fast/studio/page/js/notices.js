/** What the page says: short notices, a lasting one while something is wrong, and the same for screen readers. */

import { byId, element } from "./dom.js";

const SHOWN_FOR = 7000; // milliseconds

/**
 * Show a sentence for some seconds.
 * @param {string} text
 * @param {"plain" | "error"} [kind]
 */
export function say(text, kind = "plain") {
  const place = byId("notices");
  if ([...place.children].some((shown) => shown.firstChild.textContent === text)) return;
  const close = element("button", { type: "button", class: "quiet", "aria-label": "Close this notice" }, "×");
  const notice = element("div", { class: `notice ${kind}` }, element("span", {}, text), close);
  close.onclick = () => notice.remove();
  place.append(notice);
  while (place.children.length > 3) place.firstChild.remove();
  setTimeout(() => notice.remove(), kind === "error" ? 2 * SHOWN_FOR : SHOWN_FOR);
}

/** Show an error's sentence. A cancelled request is none. */
export function complain(error) {
  if (error.name !== "AbortError") say(error.message, "error");
}

/** Say something to screen readers only. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/**
 * Show a sentence until it is taken back with an empty one.
 * @param {string} text
 */
export function banner(text) {
  const place = byId("banner");
  place.hidden = !text;
  place.textContent = text;
}
