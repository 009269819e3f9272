// What the person who is being played sees. Things arrive in the order in which they changed.

import { act } from "./api.js";

export const state = {
  user: "",
  bot: "",
  users: new Map(),
  channels: new Map(),
  messages: new Map(),
  homes: new Map(),
  views: [],
  statuses: new Map(),
  prompts: new Map(),
  place: null, // channel id
  tab: "messages", // of the conversation with the bot: messages or home
  thread: null, // ts of the thread's first message
  people: [],
  offset: 0, // desk's clock less this machine's, in milliseconds
};

export const now = () => Date.now() + state.offset;
export const me = () => state.users.get(state.user);
export const zone = () => me()?.timezone || "UTC";
export const nameOf = (id) => state.users.get(id)?.name ?? id;
export const part = (id) => state.people.find((one) => one.user === id)?.part ?? "agent";
export const here = () => state.channels.get(state.place);
export const isWithBot = (channel) => channel?.type === "im";

export function forgetAll() {
  for (const kept of [state.users, state.channels, state.messages, state.homes, state.statuses, state.prompts]) kept.clear();
  state.views = [];
}

const TAKE = {
  user: (thing) => state.users.set(thing.id, thing),
  channel: (thing) => state.channels.set(thing.id, thing),
  message: takeMessage,
  home: (thing) => state.homes.set(thing.user, thing.view),
  views: (thing) => (state.views = thing.views),
  status: (thing) => state.statuses.set(`${thing.channel}:${thing.thread_ts}`, thing),
  prompts: (thing) => state.prompts.set(thing.channel, thing.prompts),
};

/** Take in what changed; the messages that are new are returned. */
export function take(things) {
  const fresh = [];
  for (const thing of things) {
    if (thing.kind === "message" && !thing.deleted && !state.messages.has(thing.key)) fresh.push(thing);
    TAKE[thing.kind]?.(thing);
  }
  return fresh;
}

function takeMessage(thing) {
  if (thing.deleted) state.messages.delete(thing.key);
  else state.messages.set(thing.key, thing);
  // Slack takes the status away with the app's next message.
  if (thing.by_bot && !thing.deleted) state.statuses.delete(`${thing.channel}:${thing.thread_ts}`);
}

const byTime = (a, b) => (a.ts < b.ts ? -1 : 1);

/** What a channel shows: first messages of threads, and messages of no thread. */
export function roots(channel) {
  const all = [...state.messages.values()].filter((one) => one.channel === channel);
  return all.filter((one) => !one.thread_ts || one.thread_ts === one.ts).sort(byTime);
}

export function replies(channel, thread) {
  const all = [...state.messages.values()].filter((one) => one.channel === channel && one.thread_ts === thread);
  return all.filter((one) => one.ts !== thread).sort(byTime);
}

export const messageAt = (channel, ts) => state.messages.get(`message:${channel}:${ts}`);

// -- what has been read: kept in this browser, for each person

const key = (channel) => `read:${state.user}:${channel}`;

export function markRead(channel) {
  const last = [...state.messages.values()].filter((one) => one.channel === channel).sort(byTime).at(-1);
  if (last) sessionStorage.setItem(key(channel), last.ts);
}

export function unread(channel) {
  const read = sessionStorage.getItem(key(channel)) ?? "";
  const all = [...state.messages.values()].filter((one) => one.channel === channel && one.ts > read);
  return all.filter((one) => one.user !== state.user).length;
}

export const does = (what, body = {}) => act(what, { user: state.user, ...body });
