// Moments on the clock of whoever is being played.

import { el } from "./dom.js";
import { now, zone } from "./state.js";
import { speaking, t } from "./words.js";

const locale = () => (speaking() === "zh" ? "zh-CN" : "en-GB");

function form(options, at) {
  return new Intl.DateTimeFormat(locale(), { timeZone: zone(), ...options }).format(at);
}

const dayOf = (at) => new Intl.DateTimeFormat("en-CA", { timeZone: zone() }).format(at);
const DAY = 86_400_000;

/** "today", "yesterday", "tomorrow", or null. */
function near(at) {
  const shift = Math.round((Date.parse(dayOf(at)) - Date.parse(dayOf(now()))) / DAY);
  return { 0: t("today"), "-1": t("yesterday"), 1: t("tomorrow") }[shift] ?? null;
}

const LONG = { weekday: "long", year: "numeric", month: "long", day: "numeric" };
const MIDDLE = { year: "numeric", month: "long", day: "numeric" };
const SHORT = { year: "numeric", month: "short", day: "numeric" };
const TIME = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const PARTS = {
  date_num: (at) => dayOf(at),
  date: (at) => form(MIDDLE, at),
  date_short: (at) => form(SHORT, at),
  date_long: (at) => form(LONG, at),
  date_pretty: (at) => near(at) ?? form(MIDDLE, at),
  date_short_pretty: (at) => near(at) ?? form(SHORT, at),
  date_long_pretty: (at) => near(at) ?? form(LONG, at),
  time: (at) => form(TIME, at),
  time_secs: (at) => form({ ...TIME, second: "2-digit" }, at),
  ago: (at) => form(SHORT, at),
};

/** Slack's date token, or its fallback when the token is none. */
export function moment(seconds, shape, fallback) {
  if (!Number.isFinite(seconds) || !shape) return fallback;
  const at = seconds * 1000;
  const shown = shape.replace(/\{(\w+)\}/g, (whole, name) => PARTS[name]?.(at) ?? whole);
  return el("time", { datetime: new Date(at).toISOString(), title: exactly(at) }, shown);
}

/** The time of day of a message's `ts`. */
export const timeOf = (ts) => form(TIME, Number(ts) * 1000);
const narrow = matchMedia("(max-width: 760px)");
export const clockTime = (at) => form({ weekday: "short", ...(narrow.matches ? {} : { month: "short", day: "numeric" }), ...TIME }, at);
export const exactly = (at) => form({ ...LONG, ...TIME, timeZoneName: "short" }, at);
const capital = (words) => words && words[0].toUpperCase() + words.slice(1);
export const dayName = (ts) => capital(near(Number(ts) * 1000)) ?? form({ weekday: "long", month: "long", day: "numeric" }, Number(ts) * 1000);
export const sameDay = (a, b) => dayOf(Number(a) * 1000) === dayOf(Number(b) * 1000);
