// Windows above the page. The browser's own dialog keeps the focus inside and closes with Escape.

import { el } from "./dom.js";
import { textObject } from "./text.js";

/** Whether the person says yes to a confirmation object. */
export function confirmed(confirm) {
  return new Promise((resolve) => {
    const answer = (yes) => {
      box.remove();
      resolve(yes);
    };
    const box = el(
      "dialog",
      { class: "confirm", "aria-label": confirm.title.text },
      el("h2", {}, ...textObject(confirm.title)),
      el("p", {}, ...textObject(confirm.text)),
      el(
        "div",
        { class: "window-foot" },
        el("button", { class: "button", onclick: () => answer(false) }, ...textObject(confirm.deny)),
        el("button", { class: `button ${confirm.style ?? "primary"}`, onclick: () => answer(true) }, ...textObject(confirm.confirm)),
      ),
    );
    box.addEventListener("cancel", () => answer(false));
    document.body.append(box);
    box.showModal();
  });
}
