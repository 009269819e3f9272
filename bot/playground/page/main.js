// The page: sidebar, conversation, thread, windows. One person at a time; switching starts over as somebody else.

import * as api from "./api.js";
import { el } from "./dom.js";
import { Frame } from "./frame.js";
import { forgetAll, markRead, me, nameOf, state, take } from "./state.js";
import { learn, speak, t } from "./words.js";
import { showWindow } from "./window.js";

const given = await api.start();
learn(given.words);
state.bot = given.bot;
state.people = given.people;
state.offset = Date.parse(given.now) - Date.now();

let hangUp = () => {};
let first = true;
const frame = new Frame(given, { become, goTo });

/** Who and where the address says: `#user/channel/thread`. */
function address() {
  const [user, place, thread] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { user, place, thread };
}

function become(user) {
  hangUp();
  forgetAll();
  Object.assign(state, { user, place: null, thread: null, tab: "messages" });
  first = true;
  hangUp = api.listen(user, hear, lost);
}

function hear(things) {
  const fresh = take(things);
  speak(me()?.locale?.startsWith("zh") ? "zh" : "en");
  if (first) arrive();
  else announce(fresh);
  frame.show(things, fresh);
  showWindow(frame.go);
}

/** The first batch is everything that was there: nothing of it is news. */
function arrive() {
  first = false;
  const { user, place, thread } = address();
  const direct = [...state.channels.values()].find((one) => one.type === "im");
  const wanted = user === state.user && state.channels.has(place) ? place : direct?.id;
  frame.chosen ||= wanted === place;
  goTo(wanted, user === state.user ? thread || null : null);
}

function goTo(place, thread = null) {
  Object.assign(state, { place, thread });
  location.replace(`#${[state.user, place, thread].filter(Boolean).join("/")}`);
  markRead(place);
  frame.arrived();
}

const said = document.getElementById("said");

function announce(fresh) {
  const others = fresh.filter((one) => one.user !== state.user && (one.channel === state.place || one.ephemeral));
  if (others.length) said.replaceChildren(...others.slice(-3).map((one) => el("p", {}, `${nameOf(one.user)}: ${one.text.slice(0, 300) || t("new_message")}`)));
}

let away = false;

async function lost(gone) {
  frame.lost(gone);
  if (away && !gone) {
    // Another run of the playground has another Slack.
    const again = await api.start();
    if (again.run !== given.run) location.reload();
  }
  away = gone;
}

// Links to messages of this Slack stay in the page.
document.addEventListener("click", (event) => {
  const found = /^https:\/\/desk\.slack\.com\/archives\/(\w+)\/p(\d+)(\d{6})/.exec(event.target.closest?.("a")?.href ?? "");
  if (!found || !state.channels.has(found[1])) return;
  event.preventDefault();
  const ts = `${found[2]}.${found[3]}`;
  goTo(found[1], ts);
});

const wanted = address().user;
become(state.people.some((one) => one.user === wanted) ? wanted : state.people[0].user);
