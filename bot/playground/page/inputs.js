// What is filled in: each kind of element as a node, and what it holds. `input` blocks wrap one with its label.

import { el } from "./dom.js";
import { state } from "./state.js";
import { plain } from "./text.js";
import { t } from "./words.js";

let numbers = 0;
const fresh = () => `field-${++numbers}`;

/** `{node, value(), onchange}` for an element, showing what `held` (a view's state) says. */
export function entry(one, held, ctx) {
  const kind = KINDS[one.type] ?? KINDS.plain_text_input;
  const made = { onchange: null };
  const changed = () => made.onchange?.();
  return Object.assign(made, kind(one, held, changed, ctx));
}

/** An `input` block. */
export function field(block, ctx, id) {
  const one = block.element;
  const entered = entry(one, ctx.state?.[id]?.[one.action_id], ctx);
  const name = fresh();
  const hint = fresh();
  const wrong = ctx.errors?.[id];
  const control = entered.node.matches("input, select, textarea") ? entered.node : entered.node.querySelector("input, select, textarea");
  // A group of ticks has a label for each; the words above belong to the group.
  const group = entered.node.matches("[role$=group]");
  const aimed = group ? {} : { htmlFor: control.id || (control.id = fresh()) };
  const label = el(group ? "div" : "label", { id: name, class: "label", ...aimed }, ...plain(block.label.text));
  if (block.optional) label.append(" ", el("span", { class: "faint" }, t("optional")));
  entered.node.setAttribute("aria-labelledby", name);
  if (block.hint || wrong) control.setAttribute("aria-describedby", hint);
  if (wrong) control.setAttribute("aria-invalid", "true");
  ctx.values?.set(id, entered.value);
  if (block.dispatch_action) entered.onchange = () => ctx.press(id, one.action_id, entered.value());
  const notes = [wrong ? el("p", { class: "wrong", role: "alert" }, wrong) : null, block.hint ? el("p", { class: "faint" }, ...plain(block.hint.text)) : null];
  return el("div", { "data-block": id }, label, entered.node, el("div", { id: hint }, ...notes.filter(Boolean)));
}

const placeholder = (one) => one.placeholder?.text ?? "";

function typed(type) {
  return (one, held, changed) => {
    const value = held?.value ?? one.initial_value ?? "";
    const node = el(one.multiline ? "textarea" : "input", { id: fresh(), placeholder: placeholder(one), maxlength: one.max_length, "aria-label": placeholder(one) || undefined });
    if (one.multiline) node.rows = 5;
    else node.type = type;
    node.value = value;
    if (one.is_decimal_allowed) node.step = "any";
    node.addEventListener("change", changed);
    return { node, value: () => node.value };
  };
}

const groupsOf = (one) => one.option_groups ?? [{ options: one.options ?? [] }];

function optionNodes(one, chosen) {
  return groupsOf(one).map((group) => {
    const options = group.options.map((option) => el("option", { value: option.value, selected: chosen.includes(option.value) }, option.text.text));
    return group.label ? el("optgroup", { label: group.label.text }, ...options) : options;
  });
}

function select(one, held, changed) {
  const chosen = (held?.selected_option ?? one.initial_option)?.value;
  const node = el("select", { id: fresh(), "aria-label": placeholder(one) || t("choose") });
  node.append(el("option", { value: "", selected: !chosen }, placeholder(one) || t("choose")), ...optionNodes(one, [chosen]).flat());
  node.addEventListener("change", () => node.value && changed());
  return { node, value: () => node.value || null };
}

function multiSelect(one, held, changed) {
  const chosen = (held?.selected_options ?? one.initial_options ?? []).map((option) => option.value);
  const node = el("select", { id: fresh(), multiple: true, size: 5, "aria-label": placeholder(one) || t("choose") }, ...optionNodes(one, chosen).flat());
  node.addEventListener("change", changed);
  return { node, value: () => [...node.selectedOptions].map((option) => option.value) };
}

function ticks(type) {
  return (one, held, changed) => {
    const many = type === "checkbox";
    const before = many ? (held?.selected_options ?? one.initial_options ?? []) : [held?.selected_option ?? one.initial_option].filter(Boolean);
    const name = fresh();
    const rows = one.options.map((option) => {
      const box = el("input", { type, name, value: option.value, id: fresh(), checked: before.some((was) => was.value === option.value), onchange: changed });
      const words = el("span", {}, ...plain(option.text.text));
      if (option.description) words.append(el("span", { class: "faint hint" }, ...plain(option.description.text)));
      return el("label", { class: "tick", htmlFor: box.id }, box, words);
    });
    const node = el("div", { role: many ? "group" : "radiogroup" }, ...rows);
    const chosen = () => [...node.querySelectorAll("input:checked")].map((box) => box.value);
    return { node, value: () => (many ? chosen() : (chosen()[0] ?? null)) };
  };
}

function named(things, property, initial) {
  return (one, held, changed) => {
    const chosen = held?.[property] ?? one[initial];
    const options = things().map(([id, words]) => el("option", { value: id, selected: id === chosen }, words));
    const node = el("select", { id: fresh(), "aria-label": placeholder(one) || t("choose") }, el("option", { value: "" }, placeholder(one) || t("choose")), ...options);
    node.addEventListener("change", () => node.value && changed());
    return { node, value: () => node.value || null };
  };
}

const people = () => [...state.users.values()].filter((user) => !user.bot).map((user) => [user.id, user.name]);
const channels = () => [...state.channels.values()].filter((one) => one.type !== "im").map((one) => [one.id, `#${one.name}`]);

function when(type, property, initial, read, show) {
  return (one, held, changed) => {
    const value = held?.[property] ?? one[initial];
    const node = el("input", { type, id: fresh(), value: value ? show(value) : "", "aria-label": placeholder(one) || undefined });
    node.addEventListener("change", () => node.value && changed());
    return { node, value: () => (node.value ? read(node.value) : null) };
  };
}

const same = (value) => value;

/** Options that the app looks for while somebody types. */
function external(one, held, changed, ctx) {
  const least = one.min_query_length ?? 3;
  const list = el("datalist", { id: fresh() });
  const node = el("input", { type: "text", id: fresh(), placeholder: placeholder(one), list: list.id, autocomplete: "off", "aria-label": placeholder(one) || t("choose") });
  const offered = new Map();
  const keep = (option) => option && offered.set(option.text.text, option.value);
  const first = held?.selected_option ?? one.initial_option;
  keep(first);
  node.value = first?.text.text ?? "";
  let turn = 0;
  const look = async () => {
    const mine = ++turn;
    if (node.value.length < least || offered.has(node.value)) return;
    const options = (await ctx.suggest?.(one.action_id, node.value)) ?? [];
    if (mine !== turn) return;
    options.forEach(keep);
    list.replaceChildren(...options.map((option) => el("option", { value: option.text.text })));
  };
  node.addEventListener("input", look);
  node.addEventListener("focus", look);
  node.addEventListener("change", () => offered.has(node.value) && changed());
  return { node: el("span", { class: "external" }, node, list), value: () => offered.get(node.value) ?? null };
}

const KINDS = {
  plain_text_input: typed("text"),
  email_text_input: typed("email"),
  url_text_input: typed("url"),
  number_input: typed("number"),
  static_select: select,
  multi_static_select: multiSelect,
  external_select: external,
  users_select: named(people, "selected_user", "initial_user"),
  channels_select: named(channels, "selected_channel", "initial_channel"),
  conversations_select: named(channels, "selected_conversation", "initial_conversation"),
  checkboxes: ticks("checkbox"),
  radio_buttons: ticks("radio"),
  datepicker: when("date", "selected_date", "initial_date", same, same),
  timepicker: when("time", "selected_time", "initial_time", same, same),
  datetimepicker: when(
    "datetime-local",
    "selected_date_time",
    "initial_date_time",
    (text) => Math.round(Date.parse(`${text}Z`) / 1000),
    (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16),
  ),
};
