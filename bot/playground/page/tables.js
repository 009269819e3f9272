// `table` and `data_table` blocks.

import { el } from "./dom.js";
import { richText } from "./rich.js";
import { plain } from "./text.js";
import { t } from "./words.js";

function cell(one) {
  if (one.type === "rich_text") return [richText(one)];
  if (one.type === "raw_number") return [one.text ?? String(one.value)];
  return plain(one.text ?? "");
}

function grid(rows, settings, header) {
  const [head, ...body] = rows;
  const aligned = (number) => ({ class: settings?.[number]?.align ? `align-${settings[number].align}` : undefined });
  return el(
    "table",
    {},
    el("thead", {}, el("tr", {}, ...head.map((one, number) => el("th", { scope: "col", ...aligned(number) }, ...cell(one))))),
    el(
      "tbody",
      {},
      ...body.map((row) =>
        el("tr", {}, ...row.map((one, number) => el(number === header ? "th" : "td", number === header ? { scope: "row" } : cellClass(one, aligned(number)), ...cell(one)))),
      ),
    ),
  );
}

const cellClass = (one, otherwise) => (one.type === "raw_number" ? { class: "align-right" } : otherwise);

/** Scrolls by itself where it is wider than the message; so it can take the focus. */
const framed = (node, label) => el("div", { class: "table", tabIndex: 0, role: "region", "aria-label": label }, node);

export function table(block) {
  return framed(grid(block.rows, block.column_settings, -1), t("table"));
}

/** Paged as Slack does, with its caption. */
export function dataTable(block) {
  const [head, ...rows] = block.rows;
  const size = block.page_size ?? 10;
  const box = el("div", {});
  const show = (page) => {
    const shown = rows.slice(page * size, (page + 1) * size);
    const node = grid([head, ...shown], block.column_settings, block.row_header_column_index ?? 0);
    box.replaceChildren(el("p", { class: "caption" }, ...plain(block.caption)), framed(node, block.caption), ...(rows.length > size ? [pager(page, Math.ceil(rows.length / size), show)] : []));
  };
  show(0);
  return box;
}

function pager(page, pages, show) {
  const button = (words, to) => el("button", { class: "quiet", disabled: to < 0 || to >= pages, onclick: () => show(to) }, words);
  return el("div", { class: "pager" }, button("‹", page - 1), ` ${page + 1} / ${pages} `, button("›", page + 1));
}
