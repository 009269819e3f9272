// One message: who, when, what, and what can be done about it.

import { blocks } from "./blocks.js";
import { el, link } from "./dom.js";
import { menu } from "./menu.js";
import { exactly, timeOf } from "./moments.js";
import { does, nameOf, replies, state } from "./state.js";
import { markdown } from "./rich.js";
import { mrkdwn, textObject } from "./text.js";
import { t } from "./words.js";

/** `inThread`: it stands in the thread's own panel. `go.thread(ts)` opens one. */
export function message(thing, { inThread, go, shortcuts }) {
  const name = nameOf(thing.user);
  const node = el(
    "article",
    { class: thing.ephemeral ? "message ephemeral" : "message", "data-ts": thing.ts, tabIndex: -1, "aria-label": `${name}, ${timeOf(thing.ts)}` },
    thing.ephemeral ? el("p", { class: "only-you" }, `👁 ${t("only_you")}`) : null,
    avatar(thing.user),
    el(
      "div",
      { class: "said" },
      el("div", { class: "who" }, el("strong", {}, name), thing.by_bot ? el("span", { class: "app" }, t("app")) : null, el("time", { class: "faint", title: exactly(Number(thing.ts) * 1000) }, timeOf(thing.ts))),
      body(thing),
      ...thing.files.map(file),
      ...Object.values(thing.unfurls ?? {}).map((one) => preview(one, thing)),
      reactions(thing),
      inThread ? null : thread(thing, go),
    ),
    thing.ephemeral ? null : more(thing, inThread, go, shortcuts),
  );
  return node;
}

const COLOURS = 6;

export function avatar(user) {
  const name = nameOf(user);
  const colour = [...user].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % COLOURS;
  const letters = name.split(" ").map((word) => [...word][0]).slice(0, 2).join("");
  return el("span", { class: user === state.bot ? "avatar bot" : `avatar colour-${colour}`, "aria-hidden": "true" }, user === state.bot ? "U" : letters.toUpperCase());
}

function body(thing) {
  if (thing.blocks.length) return el("div", { class: "body" }, ...blocks(thing.blocks, inMessage(thing)));
  if (thing.streaming) return el("div", { class: "body streaming" }, markdown(thing.text));
  const words = el("div", { class: "body", dir: "auto" }, ...mrkdwn(thing.text));
  if (thing.edited) words.append(" ", el("span", { class: "faint" }, t("edited")));
  return words;
}

function inMessage(thing) {
  return { press: (block_id, action_id, value) => does("press", { channel: thing.channel, ts: thing.ts, block_id, action_id, value }) };
}

function file(one) {
  const address = `/file/${encodeURIComponent(one.id)}`;
  if (!/\.(png|jpe?g|gif)$/i.test(one.name)) return el("a", { class: "file", href: address, download: one.name }, `📄 ${one.title}`);
  const picture = el("img", { src: address, alt: one.title, loading: "lazy" });
  return el("figure", { class: "upload" }, el("figcaption", { class: "faint" }, one.title), el("a", { href: address, target: "_blank", rel: "noopener noreferrer", "aria-label": t("open_picture", { title: one.title }) }, picture));
}

/** What a link leads to, as the app shows it. */
function preview(one, thing) {
  const inside = one.blocks ? blocks(one.blocks, inMessage(thing)) : [one.title ? el("p", {}, link(one.title_link ?? "", one.title)) : null, ...mrkdwn(one.text ?? one.fallback ?? "")];
  return el("div", { class: "unfurl" }, ...inside.filter(Boolean));
}

function reactions(thing) {
  if (!thing.reactions.length) return null;
  return el("p", { class: "reactions" }, ...thing.reactions.map(([name, user]) => el("span", { class: "reaction", title: nameOf(user) }, ...textObject({ type: "plain_text", text: `:${name}:` }))));
}

function thread(thing, go) {
  const below = replies(thing.channel, thing.ts);
  const status = state.statuses.get(`${thing.channel}:${thing.ts}`)?.status;
  if (!below.length && !status) return null;
  const last = below.at(-1);
  const words = below.length ? t(below.length === 1 ? "reply" : "replies", { n: below.length }) : t("working", { status });
  return el("button", { class: "thread-link", onclick: () => go.thread(thing.ts) }, words, last ? el("span", { class: "faint" }, ` ${timeOf(last.ts)}`) : null);
}

function more(thing, inThread, go, shortcuts) {
  const node = el("button", { class: "quiet more", "aria-label": t("more_actions"), title: t("more_actions"), "aria-haspopup": "menu" }, "⋯");
  node.addEventListener("click", () => {
    const items = shortcuts
      .filter((one) => one.type === "message")
      .map((one) => ({ words: one.name, hint: one.description, act: () => go.tell(does("message_shortcut", { channel: thing.channel, ts: thing.ts, callback_id: one.callback_id })) }));
    if (!inThread) items.unshift({ words: t("reply_in_thread"), act: () => go.thread(thing.ts) });
    menu(node, items.length ? items : [{ words: t("nothing_here"), act: () => {} }]);
  });
  return el("div", { class: "message-tools" }, node);
}

/** What a drawing of a message depends on beside the message: two with one stamp look the same. */
export function stamp(thing, inThread) {
  if (inThread) return "";
  const status = state.statuses.get(`${thing.channel}:${thing.ts}`)?.status ?? "";
  return `${replies(thing.channel, thing.ts).length}:${status}`;
}
