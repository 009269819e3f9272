// A list of messages that is brought up to date in place: what did not change keeps its node, focus and scroll.

import { el } from "./dom.js";
import { dayName, sameDay } from "./moments.js";
import { message, stamp } from "./message.js";
import { state } from "./state.js";
import { speaking, t } from "./words.js";

const NEAR = 120;

export class Log {
  constructor(label, options) {
    this.options = options;
    this.kept = new Map();
    this.node = el("div", { class: "log", role: "log", "aria-live": "off", "aria-label": label, tabIndex: 0 });
  }

  /** Show `things`, oldest first. `extra`: nodes after the last of them. */
  show(things, extra = []) {
    const atEnd = this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < NEAR;
    const nodes = [];
    const kept = new Map();
    things.forEach((thing, number) => {
      if (number === 0 || !sameDay(things[number - 1].ts, thing.ts)) nodes.push(this.day(thing.ts, kept));
      nodes.push(this.message(thing, kept));
    });
    this.kept = kept;
    this.place([...nodes, ...extra]);
    if (atEnd) this.toEnd();
  }

  /** To the newest message; of one that is taller than the list, to its beginning. */
  toEnd() {
    const newest = [...this.node.querySelectorAll(".message")].at(-1);
    const beginning = newest && newest.offsetHeight > this.node.clientHeight ? newest.offsetTop - 12 : Infinity;
    this.node.scrollTop = Math.min(beginning, this.node.scrollHeight);
  }

  message(thing, kept) {
    const mark = `${speaking()}|${state.user}|${stamp(thing, this.options.inThread)}`;
    const before = this.kept.get(thing.key);
    if (before && before.thing === thing && before.mark === mark) {
      kept.set(thing.key, before);
      return before.node;
    }
    const node = message(thing, this.options);
    const focused = before?.node.contains(document.activeElement);
    kept.set(thing.key, { thing, mark, node });
    if (focused) queueMicrotask(() => node.focus());
    // A picture that loads late must not push the end out of sight.
    for (const picture of node.querySelectorAll("img")) {
      picture.addEventListener("load", () => this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < NEAR + picture.height && this.toEnd());
    }
    return node;
  }

  day(ts, kept) {
    const name = dayName(ts);
    const before = this.kept.get(`day:${name}`);
    const node = before?.node ?? el("div", { class: "day", role: "separator" }, el("span", {}, name));
    kept.set(`day:${name}`, { node });
    return node;
  }

  place(nodes) {
    const wanted = new Set(nodes);
    for (const child of [...this.node.childNodes]) if (!wanted.has(child)) child.remove();
    nodes.forEach((node, number) => {
      if (this.node.childNodes[number] !== node) this.node.insertBefore(node, this.node.childNodes[number] ?? null);
    });
  }
}

/** "unstuck is thinking…" */
export function working(channel, thread) {
  const status = state.statuses.get(`${channel}:${thread}`)?.status;
  if (!status) return null;
  return el("p", { class: "working" }, el("span", { class: "dots", "aria-hidden": "true" }), t("working", { status }));
}
