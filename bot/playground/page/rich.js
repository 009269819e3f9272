// rich_text blocks, and Markdown as `markdown` blocks and streamed messages carry it.

import { el, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { moment } from "./moments.js";
import { state } from "./state.js";
import { inline, mention, plain } from "./text.js";

export function richText(block) {
  return el("div", { class: "rich" }, ...block.elements.map(richPart));
}

function richPart(part) {
  switch (part.type) {
    case "rich_text_list":
      return richList(part);
    case "rich_text_quote":
      return el("blockquote", { dir: "auto" }, ...part.elements.flatMap(run));
    case "rich_text_preformatted":
      return el("pre", {}, el("code", {}, ...part.elements.flatMap(run)));
    default:
      return el("p", { dir: "auto" }, ...part.elements.flatMap(run));
  }
}

function richList(list) {
  const items = list.elements.map((item) => el("li", { dir: "auto" }, ...item.elements.flatMap(run)));
  const start = list.offset ? { start: list.offset + 1 } : {};
  const node = el(list.style === "ordered" ? "ol" : "ul", start, ...items);
  node.classList.add(`indent-${Math.min(list.indent ?? 0, 4)}`);
  return node;
}

const RUNS = {
  text: (one) => plain(one.text),
  link: (one) => [link(one.url, one.text || one.url)],
  emoji: (one) => [emoji(one.name)],
  user: (one) => [mention(one.user_id)],
  channel: (one) => [el("span", { class: "mention" }, `#${state.channels.get(one.channel_id)?.name ?? one.channel_id}`)],
  usergroup: (one) => [el("span", { class: "mention" }, `@${one.usergroup_id}`)],
  broadcast: (one) => [el("span", { class: "mention" }, `@${one.range}`)],
  date: (one) => [moment(one.timestamp, one.format, one.fallback ?? "")],
};

function run(one) {
  let nodes = RUNS[one.type]?.(one) ?? [];
  for (const [style, tag] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"]]) {
    if (one.style?.[style]) nodes = [el(tag, {}, ...nodes)];
  }
  return nodes;
}

/** Markdown, the part of it that chats use: headings, lists, quotes, code, emphasis, links. */
export function markdown(text) {
  const box = el("div", { class: "rich" });
  let list = null;
  let fence = null;
  for (const line of text.split("\n")) {
    if (/^\s*```/.test(line)) {
      if (fence) fence = null;
      else box.append(el("pre", {}, (fence = el("code"))));
    } else if (fence) {
      fence.append(`${line}\n`);
    } else {
      const item = /^\s*(?:([-*+])|\d+[.)])\s+(.*)$/.exec(line);
      if (!item) list = null;
      if (item) {
        if (!list) box.append((list = el(item[1] ? "ul" : "ol")));
        list.append(el("li", {}, ...spans(item[2])));
      } else if (line.trim()) box.append(paragraph(line));
    }
  }
  return box;
}

function paragraph(line) {
  const heading = /^#{1,6}\s+(.*)$/.exec(line);
  if (heading) return el("p", {}, el("strong", {}, ...spans(heading[1])));
  const quote = /^>\s?(.*)$/.exec(line);
  return quote ? el("blockquote", {}, ...spans(quote[1])) : el("p", {}, ...spans(line));
}

const SPANS = [
  [/^\\([\\`*_{}[\]()#+!|~.>-])/, (found) => [found[1]]],
  [/^`([^`]+)`/, (found) => [el("code", {}, found[1])]],
  [/^\*\*(.+?)\*\*/, (found) => [el("strong", {}, ...spans(found[1]))]],
  [/^\*(\S.*?)\*/, (found) => [el("em", {}, ...spans(found[1]))]],
  [/^~~(.+?)~~/, (found) => [el("s", {}, ...spans(found[1]))]],
  [/^\[([^\]]+)\]\((\S+?)\)/, (found) => [link(found[2], found[1])]],
  [/^<[^<>\n]+>/, (found) => inline(found[0])],
  [/^&(amp|lt|gt);/, (found) => [{ amp: "&", lt: "<", gt: ">" }[found[1]]]],
];

function spans(text) {
  const nodes = [];
  let words = "";
  let at = 0;
  scan: while (at < text.length) {
    if ("\\`*~[<&".includes(text[at])) {
      for (const [pattern, draw] of SPANS) {
        const found = pattern.exec(text.slice(at));
        if (!found) continue;
        nodes.push(words, ...draw(found));
        words = "";
        at += found[0].length;
        continue scan;
      }
    }
    words += text[at++];
  }
  return [...nodes, words].filter((node) => node !== "");
}
