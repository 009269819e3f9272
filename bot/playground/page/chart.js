// `data_visualization` blocks as small drawings: bars, lines, areas, pies. The numbers are read out as words.

import { el, svg } from "./dom.js";
import { speaking } from "./words.js";

const WIDTH = 460;
const HEIGHT = 240;
const LEFT = 46;
const BOTTOM = 30;
const narrow = matchMedia("(max-width: 760px)");
const TOP = 10;

export function chart(block) {
  const { chart: data } = block;
  const names = data.type === "pie" ? data.segments.map((one) => one.label) : data.series.map((one) => one.name);
  const drawing = data.type === "pie" ? pie(data) : axes(data);
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", `${block.title}: ${said(data)}`);
  const legend = names.length > 1 || data.type === "pie" ? el("ul", { class: "legend" }, ...names.map((name, n) => el("li", { class: `series-${n}` }, name))) : null;
  const { x_label: x, y_label: y } = data.axis_config ?? {};
  return el("figure", { class: "chart" }, el("figcaption", {}, block.title), y ? el("p", { class: "faint" }, y) : null, drawing, x ? el("p", { class: "faint centre" }, x) : null, legend);
}

const number = (value) => new Intl.NumberFormat(speaking() === "zh" ? "zh-CN" : "en-GB", { notation: "compact", maximumFractionDigits: 1 }).format(value);

function said(data) {
  const points = (list) => list.map((one) => `${one.label} ${number(one.value)}`).join(", ");
  return data.type === "pie" ? points(data.segments) : data.series.map((one) => `${one.name}: ${points(one.data)}`).join("; ");
}

function axes(data) {
  const values = data.series.flatMap((one) => one.data.map((point) => point.value));
  const high = nice(Math.max(...values, 0)) || 1;
  const low = Math.min(...values, 0);
  const y = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const count = data.axis_config.categories.length;
  const step = (WIDTH - LEFT) / count;
  const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` });
  for (const value of [low, (low + high) / 2, high]) {
    node.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }), svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)));
  }
  const every = Math.ceil(count / Math.max(1, Math.floor((WIDTH - LEFT) / (narrow.matches ? 95 : 62))));
  data.axis_config.categories.forEach((name, n) => {
    if (n % every) return;
    const fits = Math.max(4, Math.floor((step * every) / (narrow.matches ? 11 : 7)));
    const words = name.length > fits ? `${name.slice(0, fits - 1)}…` : name;
    node.append(svg("text", { x: LEFT + step * (n + 0.5), y: HEIGHT - BOTTOM + (narrow.matches ? 22 : 18), "text-anchor": "middle" }, words));
  });
  data.series.forEach((series, n) => node.append(...(data.type === "bar" ? bars(series, n, data.series.length, step, y) : [curve(series, n, step, y, data.type)])));
  return node;
}

function nice(value) {
  const unit = 10 ** Math.floor(Math.log10(value || 1));
  return Math.ceil((value / unit) * 2) * (unit / 2);
}

function bars(series, n, of, step, y) {
  const width = (step * 0.7) / of;
  return series.data.map((point, place) => {
    const x = LEFT + step * place + step * 0.15 + width * n;
    const top = Math.min(y(point.value), y(0));
    const bar = svg("rect", { class: `series-${n}`, x, y: top, width, height: Math.max(1, Math.abs(y(point.value) - y(0))), rx: 2 });
    bar.append(svg("title", {}, `${point.label}: ${number(point.value)}`));
    return bar;
  });
}

function curve(series, n, step, y, type) {
  const points = series.data.map((point, place) => `${LEFT + step * (place + 0.5)},${y(point.value)}`);
  if (type !== "area") return svg("polyline", { class: `line series-${n}`, points: points.join(" ") });
  const ends = [`${LEFT + step * (series.data.length - 0.5)},${y(0)}`, `${LEFT + step * 0.5},${y(0)}`];
  return svg("polygon", { class: `area series-${n}`, points: [...points, ...ends].join(" ") });
}

function pie(data) {
  const whole = data.segments.reduce((sum, one) => sum + one.value, 0) || 1;
  const node = svg("svg", { viewBox: "-110 -110 220 220", class: "pie" });
  let turned = 0;
  data.segments.forEach((one, n) => {
    const share = Math.min(one.value / whole, 0.99999);
    const at = (part) => `${100 * Math.sin(2 * Math.PI * part)} ${-100 * Math.cos(2 * Math.PI * part)}`;
    const slice = svg("path", { class: `series-${n}`, d: `M0 0 L${at(turned)} A100 100 0 ${share > 0.5 ? 1 : 0} 1 ${at(turned + share)} Z` });
    slice.append(svg("title", {}, `${one.label}: ${number(one.value)}`));
    node.append(slice);
    turned += share;
  });
  return node;
}
