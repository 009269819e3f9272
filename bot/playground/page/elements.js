// Buttons, menus and pickers that act at once. `ctx.press(blockId, actionId, value)` tells the app.

import { confirmed } from "./dialogs.js";
import { el, link } from "./dom.js";
import { entry } from "./inputs.js";
import { menu } from "./menu.js";
import { textObject } from "./text.js";
import { t } from "./words.js";

export function element(one, ctx, block) {
  if (one.type === "image") return picture(one, ctx);
  if (one.type === "button") return button(one, ctx, block);
  if (one.type === "icon_button") return button({ ...one, style: "icon" }, ctx, block);
  if (one.type === "feedback_buttons") return feedback(one, ctx, block);
  if (one.type === "overflow") return overflow(one, ctx, block);
  return picker(one, ctx, block);
}

/** Press once; the button waits until the app has taken it, and says so when it has not. */
async function press(node, one, ctx, block, value) {
  if (one.confirm && !(await confirmed(one.confirm))) return;
  node.disabled = true;
  node.setAttribute("aria-busy", "true");
  const answer = await ctx.press(block, one.action_id, value);
  node.disabled = false;
  node.removeAttribute("aria-busy");
  node.classList.toggle("failed", answer.taken === false || answer.ok === false);
  if (node.classList.contains("failed")) node.title = t("not_taken");
}

function button(one, ctx, block) {
  const label = one.accessibility_label ? { "aria-label": one.accessibility_label } : {};
  const node = el("button", { class: `button ${one.style ?? ""}`, "data-action": one.action_id, ...label }, ...textObject(one.text));
  node.addEventListener("click", () => press(node, one, ctx, block, one.value));
  if (!one.url) return node;
  const anchor = link(one.url, ...textObject(one.text));
  anchor.classList.add("button");
  anchor.addEventListener("click", () => ctx.press(block, one.action_id, one.value));
  return anchor;
}

function feedback(one, ctx, block) {
  const side = (which, sign) => {
    const given = one[which];
    const words = given.accessibility_label || given.text.text;
    const node = el("button", { class: "button icon", "aria-label": words, title: given.text.text, "data-action": one.action_id }, sign);
    node.addEventListener("click", () => press(node, one, ctx, block, given.value));
    return node;
  };
  return el("span", { class: "feedback" }, side("positive_button", "👍"), side("negative_button", "👎"));
}

function overflow(one, ctx, block) {
  const node = el("button", { class: "button icon", "aria-label": t("more"), "aria-haspopup": "menu", "data-action": one.action_id }, "⋯");
  node.addEventListener("click", () => {
    menu(node, one.options.map((option) => ({ words: textObject(option.text), hint: option.description?.text, act: () => press(node, one, ctx, block, option.value) })));
  });
  return node;
}

/** A select, date, checkbox … outside of a form: choosing is acting. */
function picker(one, ctx, block) {
  const box = el("span", { class: "picker", "data-action": one.action_id });
  const entered = entry(one, ctx.state?.[block]?.[one.action_id], ctx);
  entered.onchange = () => press(box, one, ctx, block, entered.value());
  box.append(entered.node);
  return box;
}

/** A picture by file of ours, or by its words: nothing is loaded from elsewhere. */
export function picture(one) {
  const file = one.slack_file?.id;
  if (file) return el("img", { src: `/file/${encodeURIComponent(file)}`, alt: one.alt_text, loading: "lazy" });
  return el("span", { class: "picture" }, "🖼 ", link(one.image_url ?? "", one.alt_text));
}
