// A small menu at a button: arrows move, Enter chooses, Escape and a click elsewhere close it.

import { el } from "./dom.js";

let open = null;

/** `items`: `{words, hint, act}`. */
export function menu(at, items) {
  if (open) {
    const same = open.at === at;
    close();
    if (same) return;
  }
  const rows = items.map((item) =>
    el("button", { class: "menu-item", role: "menuitem", onclick: () => (close(), at.focus(), item.act()) }, el("span", {}, ...[item.words].flat()), item.hint ? el("span", { class: "faint hint" }, item.hint) : null),
  );
  const box = el("div", { class: "menu", role: "menu" }, ...rows);
  box.addEventListener("keydown", (event) => move(event, rows));
  document.body.append(box);
  place(box, at);
  at.setAttribute("aria-expanded", "true");
  open = { at, box };
  rows[0]?.focus();
  setTimeout(() => document.addEventListener("pointerdown", elsewhere));
}

function place(box, at) {
  const edge = at.getBoundingClientRect();
  const below = edge.bottom + box.offsetHeight + 8 < innerHeight;
  box.style.left = `${Math.max(8, Math.min(edge.left, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${Math.max(8, below ? edge.bottom + 4 : edge.top - box.offsetHeight - 4)}px`;
}

function move(event, rows) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    rows[(rows.indexOf(document.activeElement) + step + rows.length) % rows.length].focus();
  } else if (event.key === "Escape" || event.key === "Tab") {
    event.stopPropagation();
    const { at } = open;
    close();
    at.focus();
  }
}

function elsewhere(event) {
  if (open && !open.box.contains(event.target) && !open.at.contains(event.target)) close();
}

function close() {
  if (!open) return;
  open.box.remove();
  open.at.setAttribute("aria-expanded", "false");
  open = null;
  document.removeEventListener("pointerdown", elsewhere);
}
