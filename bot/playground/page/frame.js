// What stands around the conversations, and where everything is shown.

import { blocks } from "./blocks.js";
import { composer } from "./composer.js";
import { el } from "./dom.js";
import { Log, working } from "./log.js";
import { avatar } from "./message.js";
import { menu } from "./menu.js";
import { clockTime, exactly } from "./moments.js";
import { does, here, isWithBot, markRead, me, messageAt, nameOf, now, part, replies, roots, state, unread } from "./state.js";
import { speaking, t } from "./words.js";

const SKIPS = [60, 240, 1440];
const NOTE_MS = 6000;

export class Frame {
  constructor(app, { become, goTo }) {
    this.app = app;
    this.become = become;
    this.goTo = goTo;
    this.go = {
      thread: (ts) => goTo(state.place, ts),
      tell: (answer) => this.tell(answer),
      sending: (text, where) => this.sending(text, where),
    };
    this.page = document.getElementById("page");
    this.top = el("header", { class: "top" });
    this.side = el("nav", { class: "side" });
    this.main = el("main", { class: "main" });
    this.aside = el("aside", { class: "thread", hidden: true });
    this.note = el("div", { class: "note", role: "alert", hidden: true });
    this.page.append(this.top, this.side, this.main, this.aside, this.note);
    addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && state.thread && !document.querySelector("dialog[open], .menu") && goTo(state.place));
    setInterval(() => this.clock && (this.clock.textContent = clockTime(now())), 20_000);
  }

  /** Somewhere else, or somebody else: draw all of it. */
  arrived() {
    this.page.classList.toggle("in-place", Boolean(this.chosen));
    this.drawTop();
    this.drawMain();
    this.drawThread();
    this.show([], []);
    this.main.querySelector("textarea")?.focus({ preventScroll: true });
  }

  /** Something changed where we are. */
  show(things, fresh) {
    if (!this.log) return;
    if (things.some((thing) => thing.kind === "user" && thing.id === state.user) && this.drawnIn !== speaking()) return this.arrived();
    if (document.visibilityState === "visible") markRead(state.place);
    this.drawSide();
    const channel = here();
    if (isWithBot(channel) && state.tab === "home") this.showHome(things);
    else this.log.show(roots(state.place), [this.prompts()].filter(Boolean));
    if (state.thread) this.showThread();
    const mine = fresh.find((one) => one.user === state.user && this.awaits === one.channel && !one.thread_ts);
    if (mine) {
      this.awaits = null;
      this.go.thread(mine.ts);
    }
  }

  lost(gone) {
    this.page.classList.toggle("lost", gone);
    if (gone) this.say(t("connection_lost"), true);
    else this.note.hidden = true;
  }

  async tell(answer) {
    const { ok, taken, words } = await answer;
    if (words) this.say(words);
    else if (ok === false || taken === false) this.say(t("not_taken"));
  }

  say(words, stays = false) {
    this.note.textContent = words;
    this.note.hidden = false;
    clearTimeout(this.noteTimer);
    if (!stays) this.noteTimer = setTimeout(() => (this.note.hidden = true), NOTE_MS);
  }

  /** A question to the bot is answered in its thread: go there as soon as the message stands. */
  sending(text, where) {
    const asks = isWithBot(state.channels.get(where.channel)) || /@unstuck\b/i.test(text);
    if (asks && !where.thread_ts && !text.startsWith("/")) this.awaits = where.channel;
    this.log.toEnd();
  }

  // -- the bar at the top

  drawTop() {
    this.drawnIn = speaking();
    const back = el("button", { class: "quiet back", "aria-label": t("back"), onclick: () => this.leave() }, "‹");
    this.clock = el("time", { title: exactly(now()) }, clockTime(now()));
    const skip = el("button", { class: "quiet clock", title: t("skip"), "aria-label": t("skip"), "aria-haspopup": "menu" }, "⏩ ", this.clock);
    skip.addEventListener("click", () => menu(skip, SKIPS.map((minutes) => ({ words: t(`skip_${minutes}`), act: () => this.skip(minutes) }))));
    this.top.replaceChildren(back, el("strong", { class: "brand" }, t("title")), skip, this.personSelect(), this.languageSelect());
  }

  leave() {
    if (state.thread) return this.goTo(state.place);
    this.chosen = false;
    this.page.classList.remove("in-place");
    this.side.querySelector("[aria-current]")?.focus();
  }

  async skip(minutes) {
    const answer = await does("skip", { minutes });
    if (answer.now) state.offset = Date.parse(answer.now) - Date.now();
    this.clock.textContent = clockTime(now());
    this.tell(answer);
  }

  personSelect() {
    const options = state.people.map((one) => el("option", { value: one.user, selected: one.user === state.user }, `${nameOf(one.user)} · ${t(`part_${one.part}`)}`));
    return el("select", { "aria-label": t("play_as"), title: t("play_as"), class: "person", onchange: (event) => this.become(event.target.value) }, ...options);
  }

  languageSelect() {
    const option = (lang, name) => el("option", { value: lang, selected: speaking() === lang }, name);
    return el("select", { "aria-label": t("language"), title: t("language"), class: "language", onchange: (event) => this.tell(does("language", { lang: event.target.value })) }, option("en", "English"), option("zh", "中文"));
  }

  // -- the list of conversations

  drawSide() {
    this.side.setAttribute("aria-label", t("conversations"));
    const all = [...state.channels.values()];
    const list = (title, some) => [el("h2", {}, title), el("ul", {}, ...some.map((one) => el("li", {}, this.place(one))))];
    const focused = this.side.contains(document.activeElement) ? document.activeElement.dataset.place : null;
    this.side.replaceChildren(
      el("div", { class: "you" }, avatar(state.user), el("div", {}, el("strong", {}, nameOf(state.user)), el("span", { class: "faint hint" }, t(`about_${part(state.user)}`)))),
      ...list(t("apps"), all.filter(isWithBot)),
      ...list(t("channels"), all.filter((one) => !isWithBot(one))),
    );
    if (focused) this.side.querySelector(`[data-place="${CSS.escape(focused)}"]`)?.focus();
  }

  place(channel) {
    const count = channel.id === state.place && document.visibilityState === "visible" ? 0 : unread(channel.id);
    const current = channel.id === state.place ? { "aria-current": "page" } : {};
    return el(
      "button",
      { class: count ? "place unread" : "place", "data-place": channel.id, ...current, onclick: () => ((this.chosen = true), this.goTo(channel.id)) },
      isWithBot(channel) ? avatar(state.bot) : el("span", { class: "hash", "aria-hidden": "true" }, "#"),
      el("span", { class: "grow" }, isWithBot(channel) ? nameOf(state.bot) : channel.name),
      count ? el("span", { class: "badge", "aria-label": t("unread", { n: count }) }, String(count)) : null,
    );
  }

  // -- the conversation

  drawMain() {
    const channel = here();
    if (!channel) return;
    const name = isWithBot(channel) ? nameOf(state.bot) : `#${channel.name}`;
    this.log = new Log(name, { inThread: false, go: this.go, shortcuts: this.app.shortcuts });
    this.home = el("div", { class: "home", tabIndex: 0, role: "region", "aria-label": t("tab_home") });
    const about = isWithBot(channel) ? this.tabs() : el("span", { class: "faint" }, t("members", { n: channel.members.length }));
    const head = el("div", { class: "main-head" }, el("h1", {}, name), about);
    const onHome = isWithBot(channel) && state.tab === "home";
    const below = onHome ? [this.home] : [this.log.node, composer(t("write_to", { name }), () => ({ channel: channel.id }), this.app, this.go)];
    this.main.replaceChildren(head, ...below);
    this.homeDrawn = null;
    if (isWithBot(channel)) this.tell(does("open", { tab: state.tab }));
    queueMicrotask(() => this.log.toEnd());
  }

  tabs() {
    const tab = (name) => {
      const choose = () => {
        state.tab = name;
        this.goTo(state.place);
      };
      return el("button", { role: "tab", class: "tab", "aria-selected": String(state.tab === name), onclick: choose }, t(`tab_${name}`));
    };
    return el("div", { role: "tablist", class: "tabs" }, tab("home"), tab("messages"));
  }

  showHome() {
    const view = state.homes.get(state.user);
    const mark = view && `${view.hash}|${speaking()}`;
    if (mark === this.homeDrawn) return;
    this.homeDrawn = mark;
    const focused = this.home.contains(document.activeElement);
    const ctx = { state: view?.state, press: (block_id, action_id, value) => does("press_home", { block_id, action_id, value }) };
    this.home.replaceChildren(...(view ? blocks(view.blocks, ctx) : [el("p", { class: "faint" }, t("waiting_for_home"))]));
    if (focused) this.home.focus();
  }

  prompts() {
    const channel = here();
    if (!isWithBot(channel)) return null;
    const given = state.prompts.get(channel.id) ?? [];
    const ask = (one) => {
      this.sending(one.message, { channel: channel.id });
      this.tell(does("say", { channel: channel.id, text: one.message }));
    };
    const empty = roots(channel.id).length === 0;
    return el("div", { class: "prompts" }, empty ? el("p", {}, t("welcome")) : null, ...given.map((one) => el("button", { class: "button prompt", onclick: () => ask(one) }, one.title)));
  }

  // -- the thread

  drawThread() {
    this.aside.hidden = !state.thread;
    this.page.classList.toggle("with-thread", Boolean(state.thread));
    this.aside.setAttribute("aria-label", t("thread"));
    if (!state.thread) return this.aside.replaceChildren();
    const where = { channel: state.place, thread_ts: state.thread };
    this.threadLog = new Log(t("thread"), { inThread: true, go: this.go, shortcuts: this.app.shortcuts });
    const close = el("button", { class: "quiet", "aria-label": t("close"), onclick: () => this.goTo(state.place) }, "✕");
    const head = el("div", { class: "main-head" }, el("h2", {}, t("thread")), el("span", { class: "grow" }), close);
    this.aside.replaceChildren(head, this.threadLog.node, composer(t("reply_here"), () => where, this.app, this.go));
    queueMicrotask(() => {
      this.threadLog.toEnd();
      this.aside.querySelector("textarea").focus({ preventScroll: true });
    });
  }

  showThread() {
    const root = messageAt(state.place, state.thread);
    const things = [root, ...replies(state.place, state.thread)].filter(Boolean);
    this.threadLog.show(things, [working(state.place, state.thread)].filter(Boolean));
  }
}
