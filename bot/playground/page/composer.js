// Where one writes: Enter sends, Shift+Enter breaks the line, a slash begins a command.

import { el } from "./dom.js";
import { menu } from "./menu.js";
import { does } from "./state.js";
import { t } from "./words.js";

/** `where()` gives channel and thread; `app` what the manifest offers; `go.tell` shows what went wrong. */
export function composer(label, where, app, go) {
  const box = el("textarea", { rows: 1, "aria-label": label, placeholder: label, enterkeyhint: "send" });
  const grow = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
  };
  const send = async () => {
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    grow();
    go.sending(text, where());
    const answer = await post(text, where(), app);
    if (answer.ok === false) box.value = text;
    go.tell(answer);
  };
  box.addEventListener("input", grow);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  const insert = (text) => {
    box.value = box.value && !box.value.endsWith(" ") ? `${box.value} ${text}` : box.value + text;
    box.focus();
    grow();
  };
  return el("form", { class: "composer", onsubmit: (event) => (event.preventDefault(), send()) }, box, tools(insert, where, app, go));
}

function tools(insert, where, app, go) {
  const plus = el("button", { type: "button", class: "quiet", "aria-label": t("plus"), title: t("plus"), "aria-haspopup": "menu" }, "+");
  plus.addEventListener("click", () => {
    const shortcuts = app.shortcuts.filter((one) => one.type === "global");
    menu(plus, [
      ...shortcuts.map((one) => ({ words: one.name, hint: one.description, act: () => go.tell(does("global_shortcut", { callback_id: one.callback_id })) })),
      ...(where().thread_ts ? [] : app.commands.map((one) => ({ words: one.command, hint: one.usage_hint, act: () => insert(`${one.command} `) }))),
    ]);
  });
  const at = el("button", { type: "button", class: "quiet", "aria-label": t("mention"), title: t("mention"), onclick: () => insert("@unstuck ") }, "@");
  const send = el("button", { type: "submit", class: "button primary send", "aria-label": t("send"), title: t("send") }, "➤");
  return el("div", { class: "composer-tools" }, plus, at, el("span", { class: "faint grow" }, t("enter_sends")), send);
}

async function post(text, where, app) {
  if (!text.startsWith("/") || where.thread_ts) return does("say", { ...where, text });
  const name = text.split(/\s/)[0];
  if (!app.commands.some((one) => one.command === name)) return { ok: false, words: t("no_command", { name }) };
  return does("command", { ...where, name, text: text.slice(name.length).trim() });
}
