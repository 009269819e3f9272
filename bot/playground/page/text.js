// Slack's mrkdwn as nodes. What Slack escapes is unescaped only where it becomes text, so words can never turn into tags.

import { el, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { moment } from "./moments.js";
import { nameOf, state } from "./state.js";

const unescaped = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** A plain_text or mrkdwn object. */
export function textObject(object) {
  if (!object) return [];
  return object.type === "plain_text" ? plain(object.text) : mrkdwn(object.text);
}

/** Words as they are, line breaks and shortcodes apart. */
export function plain(text) {
  return lines(text.replace(/:([a-z0-9_+-]+):/g, (_, name) => emoji(name)));
}

function lines(text) {
  return text.split("\n").flatMap((line, number) => (number ? [el("br"), line] : [line]));
}

export function mrkdwn(text) {
  const nodes = [];
  for (const [number, piece] of text.split("```").entries()) {
    if (number % 2) nodes.push(el("pre", {}, el("code", {}, unescaped(piece.replace(/^\n|\n$/g, "")))));
    else if (piece) nodes.push(...paragraphs(piece));
  }
  return nodes;
}

/** Lines, with runs of quoted ones gathered. */
function paragraphs(text) {
  const nodes = [];
  let quoted = null;
  for (const [number, line] of text.split("\n").entries()) {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quote) {
      if (quoted) quoted.append(el("br"), ...inline(quote[1]));
      else nodes.push((quoted = el("blockquote", {}, ...inline(quote[1]))));
      continue;
    }
    if (number && !quoted) nodes.push(el("br"));
    quoted = null;
    nodes.push(...inline(line));
  }
  return nodes;
}

// A mark opens where no word ends and closes where none begins: 2*3*4 is no bold 3.
const MARKS = [
  [/^<([^<>\n]+)>/, (inner) => [angled(inner)]],
  [/^`([^`\n]+)`/, (inner) => [el("code", {}, unescaped(inner))]],
  [/^\*(?=\S)([^*\n]*[^*\s])\*(?![\p{L}\p{N}])/u, (inner) => [el("strong", {}, ...inline(inner))], true],
  [/^_(?=\S)([^_\n]*[^_\s])_(?![\p{L}\p{N}])/u, (inner) => [el("em", {}, ...inline(inner))], true],
  [/^~(?=\S)([^~\n]*[^~\s])~(?![\p{L}\p{N}])/u, (inner) => [el("s", {}, ...inline(inner))], true],
  [/^:([a-z0-9_+-]+):/, (inner) => [emoji(inner)]],
];

export function inline(text) {
  const nodes = [];
  let words = "";
  let at = 0;
  scan: while (at < text.length) {
    const rest = text.slice(at);
    if ("<`*_~:".includes(text[at])) {
      for (const [pattern, draw, apart] of MARKS) {
        if (apart && /[\p{Script=Latin}\p{N}]$/u.test(text.slice(Math.max(0, at - 2), at))) continue;
        const found = pattern.exec(rest);
        if (!found) continue;
        if (words) nodes.push(unescaped(words));
        words = "";
        nodes.push(...draw(found[1]));
        at += found[0].length;
        continue scan;
      }
    }
    words += text[at++];
  }
  if (words) nodes.push(unescaped(words));
  return nodes;
}

/** What stands in angle brackets: a mention, a date, a link. */
function angled(inner) {
  const bar = inner.indexOf("|");
  const [target, label] = bar < 0 ? [inner, ""] : [inner.slice(0, bar), inner.slice(bar + 1)];
  if (target.startsWith("@")) return mention(target.slice(1), label);
  if (target.startsWith("#")) return el("span", { class: "mention" }, `#${state.channels.get(target.slice(1))?.name ?? unescaped(label)}`);
  if (target.startsWith("!date^")) {
    const [, seconds, shape, url] = target.split("^");
    const shown = moment(Number(seconds), shape, unescaped(label));
    return url ? link(unescaped(url), shown) : shown;
  }
  if (target.startsWith("!")) return el("span", { class: "mention" }, `@${unescaped(label || target.slice(1).split("^")[0])}`);
  return link(unescaped(target), unescaped(label || target));
}

export function mention(id, label = "") {
  const own = id === state.user ? "mention own" : "mention";
  return el("span", { class: own }, `@${state.users.has(id) ? nameOf(id) : unescaped(label) || id}`);
}
