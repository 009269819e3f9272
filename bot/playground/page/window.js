// Modals: the views that the app opened for this person, the top one shown.

import { blocks } from "./blocks.js";
import { el } from "./dom.js";
import { does, state } from "./state.js";
import { textObject } from "./text.js";
import { t } from "./words.js";

let shown = "";
const box = el("dialog", { class: "window", "aria-labelledby": "window-title" });
// Slack's own window stays until the app knows that it was closed.
box.addEventListener("cancel", (event) => (event.preventDefault(), close()));
const close = () => does("close");

/** Bring the window up to date with the stack of views. */
export function showWindow(go) {
  const view = state.views.at(-1);
  const mark = view ? `${view.id}|${view.hash}|${JSON.stringify(view.errors)}` : "";
  if (mark === shown) return;
  shown = mark;
  if (!view) {
    // The browser gives the focus back to where it was.
    box.close();
    box.remove();
    return;
  }
  box.replaceChildren(draw(view, go));
  if (!box.isConnected) document.body.append(box);
  if (!box.open) box.showModal();
  const first = box.querySelector("[aria-invalid=true]") ?? box.querySelector(".window-body :is(input:not([type=radio]), input:checked, select, textarea, button)") ?? box.querySelector(".window-foot button");
  first?.focus();
}

function draw(view, go) {
  const values = new Map();
  const read = () => Object.fromEntries([...values].map(([block, value]) => [block, value()]));
  const ctx = {
    values,
    state: view.state,
    errors: view.errors,
    press: (block_id, action_id, value) => does("press_modal", { block_id, action_id, value, values: read() }),
    suggest: async (action_id, typed) => (await does("suggest", { action_id, typed })).options,
  };
  const title = el("h2", { id: "window-title" }, ...textObject(view.title));
  const body = el("div", { class: "window-body" }, ...blocks(view.blocks, ctx));
  return el("form", { onsubmit: (event) => submit(event, read, go) }, head(title), body, foot(view));
}

function head(title) {
  return el("div", { class: "window-head" }, title, el("button", { type: "button", class: "quiet", "aria-label": t("close"), onclick: close }, "✕"));
}

function foot(view) {
  const submit = view.submit ? el("button", { type: "submit", class: "button primary" }, ...textObject(view.submit)) : null;
  return el("div", { class: "window-foot" }, el("button", { type: "button", class: "button", onclick: close }, ...(view.close ? textObject(view.close) : [t("close")])), submit);
}

async function submit(event, read, go) {
  event.preventDefault();
  const button = box.querySelector("[type=submit]");
  if (!button) return;
  button.disabled = true;
  const answer = await does("submit", { values: read() });
  button.disabled = false;
  box.querySelectorAll(".wrong").forEach((note) => note.remove());
  for (const block of Object.keys(answer.errors ?? {})) {
    const field = box.querySelector(`[data-block="${CSS.escape(block)}"]`);
    field?.append(el("p", { class: "wrong", role: "alert" }, t("fill_in")));
    field?.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
  }
  if (answer.errors) box.querySelector("[aria-invalid=true]")?.focus();
  else go.tell(answer);
}
