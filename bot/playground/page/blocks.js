// Block Kit blocks as nodes. `ctx` says where they stand: `ctx.press(element, blockId, value)` acts on them.

import { chart } from "./chart.js";
import { el, link } from "./dom.js";
import { element, picture } from "./elements.js";
import { field } from "./inputs.js";
import { markdown, richText } from "./rich.js";
import { textObject } from "./text.js";
import { dataTable, table } from "./tables.js";

export function blocks(list, ctx) {
  return list.map((block, number) => drawn(block, ctx, block.block_id ?? `b${number}`)).filter(Boolean);
}

function drawn(block, ctx, id) {
  const draw = DRAW[block.type];
  const node = draw ? draw(block, ctx, id) : el("p", { class: "unknown" }, `[${block.type}]`);
  node.classList.add("block", `block-${block.type}`);
  return node;
}

const DRAW = {
  section,
  header: (block) => el("h3", {}, ...textObject(block.text)),
  divider: () => el("hr"),
  context: (block, ctx) => el("div", {}, ...block.elements.map((one) => (one.type === "image" ? picture(one, ctx) : el("span", {}, ...textObject(one))))),
  actions: (block, ctx, id) => el("div", {}, ...block.elements.map((one) => element(one, ctx, id))),
  context_actions: (block, ctx, id) => el("div", {}, ...block.elements.map((one) => element(one, ctx, id))),
  image: (block, ctx) => el("figure", {}, block.title ? el("figcaption", {}, ...textObject(block.title)) : null, picture(block, ctx)),
  input: (block, ctx, id) => field(block, ctx, id),
  rich_text: (block) => richText(block),
  markdown: (block) => markdown(block.text),
  table: (block) => table(block),
  data_table: (block) => dataTable(block),
  data_visualization: (block) => chart(block),
  video: (block) => el("p", {}, link(block.video_url, block.alt_text)),
};

function section(block, ctx, id) {
  const fields = block.fields?.map((one) => el("div", { class: "field" }, ...textObject(one))) ?? [];
  return el(
    "div",
    {},
    el("div", { class: "section-text", dir: "auto" }, ...textObject(block.text), fields.length ? el("div", { class: "fields" }, ...fields) : null),
    block.accessory ? el("div", { class: "accessory" }, element(block.accessory, ctx, id)) : null,
  );
}
