// The page: takes a person and a place from the address, draws them, and follows what happens.

import { api, Live } from "./api.js";
import { nameOf } from "./avatar.js";
import { Composer } from "./composer.js";
import { el, fill, isPhone, memory } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { appTabs, beginning, drawHeader, HOME, placeName } from "./header.js";
import { HomePane } from "./home.js";
import { Modals } from "./modal.js";
import { mrkdwn } from "./mrkdwn.js";
import { drawSidebar, people } from "./sidebar.js";
import { store } from "./state.js";
import { ThreadPane } from "./thread.js";
import { Timeline } from "./timeline.js";
import { announce, toast } from "./toast.js";
import { drawWelcome } from "./welcome.js";

const part = (id) => document.getElementById(id);
const app = part("app");

let current = "";
let live = null;
let timeline = null;
let drawing = 0;

const composer = new Composer({ testid: "composer", sendId: "send" });
const home = new HomePane();
const thread = new ThreadPane({ onClose: () => go(current, { thread: null }) });
new Modals();

// ── The address ────────────────────────────────────────────────────────────────────────────────────────────

function address({ as = store.me, channel = current, ts = thread.ts } = {}) {
  const query = new URLSearchParams({ as, channel, ...(ts ? { thread: ts } : {}) });
  return `?${query}`;
}

/** A channel by its id or its name; a person by id or role: what a person may write into the address. */
const channelBy = (name) => store.channels.find((one) => one.id === name || one.name === name)?.id;
const personBy = (name) => people().find((one) => [one.id, one.role, one.name].includes(name))?.id;

function firstPlace() {
  const last = memory.get(`place:${store.workspace.id}:${store.me}`);
  const mine = store.channels.filter((one) => one.is_member && !one.is_im);
  return channelBy(last) ?? (mine[0] ?? store.channels[0])?.id ?? HOME;
}

// ── Drawing ────────────────────────────────────────────────────────────────────────────────────────────────

/** Once a frame, however many messages came in it. */
function redraw() {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    if (current !== HOME && document.visibilityState === "visible") store.markRead(current);
    drawSidebar(part("sidebar"), {
      current,
      onGo: (key) => go(key, { thread: null }),
      onActAs: actAs,
      onClose: () => drawer(false),
    });
    drawHeader(part("header"), {
      current,
      drawerOpen: app.classList.contains("drawer"),
      onMenu: () => drawer(true),
    });
    drawMessages();
  });
}

function drawMessages() {
  if (current !== HOME) timeline?.show(store.timeline(current), store.threads(current));
}

/** Builds the middle for the place that is current now. */
function buildPlace() {
  const channel = store.channel(current);
  const tabs =
    current === HOME || channel.id === store.botChannel?.id
      ? appTabs({ current, onGo: (key) => go(key, { thread: null }) })
      : null;
  drawWelcome(part("welcome"), { onTry: tryLine, onActAs: (id) => actAs(id, approvalPlace()) });
  if (!channel) {
    timeline = null;
    fill(part("content"), tabs, home.node);
    fill(part("footer"));
    home.open();
    return;
  }
  timeline = new Timeline({
    openThread: (ts) => go(current, { thread: ts }),
    label: `Messages in ${placeName(channel)}`,
    before: beginning(channel),
  });
  fill(part("content"), tabs, timeline.node);
  fill(
    part("footer"),
    channel.is_archived ? el("div", { class: "closed" }, "This channel is archived.") : composer.node,
  );
  const place = channel.is_im ? placeName(channel) : `#${channel.name}`;
  composer.open({
    channel: current,
    label: `Message ${place}${isPhone() ? "" : ", or type / for commands"}`,
  });
}

/** Where an approver looks first: the channel that says so in its name. */
const approvalPlace = () => store.channels.find((one) => /approval/.test(one.name ?? ""))?.id;

function tryLine(text) {
  if (!store.channel(current)) go(firstPlace(), { thread: null });
  composer.fill(text);
}

function drawer(open) {
  app.classList.toggle("drawer", open);
  part("scrim").hidden = !open;
  if (open) part("sidebar").querySelector("[aria-checked='true']")?.focus();
  else part("header").querySelector(".drawer-open")?.setAttribute("aria-expanded", "false");
}

// ── Going somewhere ────────────────────────────────────────────────────────────────────────────────────────

/** Shows a channel (or HOME), with a thread or without; the address follows unless `record` is false. */
function go(key, { thread: ts = null, record = true } = {}) {
  const moved = key !== current;
  current = key;
  if (moved) buildPlace();
  const open = ts && key !== HOME && store.channel(key);
  if (!open) thread.close();
  else if (thread.ts !== ts || moved) thread.open(key, ts);
  app.classList.toggle("with-thread", Boolean(open));
  memory.set(`place:${store.workspace.id}:${store.me}`, key);
  if (record && address() !== location.search) history.pushState(null, "", address());
  drawer(false);
  if (moved && !isPhone() && !open) composer.field.focus({ preventScroll: true });
  redraw();
}

async function actAs(id, channel) {
  if (id === store.me) {
    go(channel ?? current, { thread: null });
    return;
  }
  await start(id, channel ?? current, null);
  history.pushState(null, "", address());
  announce(`You act as ${nameOf(store.user(store.me))}`);
}

/** Histories of every channel the person is in: they are what unread marks are counted from. */
async function loadHistories() {
  const me = store.me;
  await Promise.all(
    store.channels
      .filter((one) => one.is_member || one.is_im || one.id === current)
      .map(async (one) => {
        try {
          const { messages } = await api.history(me, one.id);
          if (me === store.me) store.load(one.id, messages ?? []);
        } catch (error) {
          if (one.id === current) toast(`The messages could not be read: ${error.message}`, "error");
        }
      }),
  );
}

async function start(as, channel, ts) {
  app.setAttribute("aria-busy", "true");
  let boot = await api.boot(as);
  const meant =
    as && boot.me !== as && boot.users.find((one) => !one.is_bot && (one.role === as || one.name === as));
  if (meant) boot = await api.boot(meant.id);
  live?.close();
  thread.close();
  store.reset(boot);
  store.emit("views");
  current = "";
  live = new Live(store.me, { onFrame, onOpen, onLost });
  const place = channel === HOME ? HOME : (channelBy(channel) ?? firstPlace());
  go(place, { thread: ts, record: false });
  await loadHistories();
  app.removeAttribute("aria-busy");
}

// ── What happens ───────────────────────────────────────────────────────────────────────────────────────────

function spoken(message) {
  const where =
    message.channel === current
      ? ""
      : ` in ${placeName(store.channel(message.channel) ?? { name: "another channel" })}`;
  return `${nameOf(store.authorUser(message))}${where}: ${el("p", {}, mrkdwn(message.text ?? "")).textContent.slice(0, 200)}`;
}

const FRAMES = {
  message({ message }) {
    store.put(message);
    if (message.user !== store.me || message.is_ephemeral) announce(spoken(message));
  },
  message_changed: ({ message }) => store.put(message),
  message_deleted: ({ channel, ts }) => store.remove(channel, ts),
  views({ stack }) {
    store.stack = stack;
    store.emit("views");
  },
  home({ view }) {
    store.home = view;
    store.emit("home");
  },
  toast: ({ level, text }) => toast(text, level),
  channels({ channels }) {
    const before = JSON.stringify(store.channel(current));
    store.channels = channels;
    if (current !== HOME && !store.channel(current)) go(firstPlace());
    else if (current !== HOME && JSON.stringify(store.channel(current)) !== before) buildPlace();
    redraw();
  },
  app({ connected }) {
    store.app = { ...store.app, connected };
    redraw();
  },
};

function onFrame(frame) {
  FRAMES[frame.type]?.(frame);
}

function onLost() {
  part("connection").hidden = false;
}

/** After a gap, what was missed is read again; the first time, `start` does that. */
async function onOpen(again) {
  part("connection").hidden = true;
  if (!again) return;
  const me = store.me;
  const boot = await api.boot(me);
  if (boot.me !== me || boot.workspace.id !== store.workspace.id) {
    location.reload();
    return;
  }
  store.refresh(boot);
  redraw();
  await loadHistories();
}

// "3 minutes ago" grows old.
setInterval(redraw, 60_000);
store.on("messages", redraw);
store.on("go", (channel) => go(channel, { thread: null }));
part("scrim").addEventListener("click", () => drawer(false));
document.addEventListener("visibilitychange", redraw);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && app.classList.contains("drawer")) drawer(false);
});

function fromAddress() {
  const query = new URLSearchParams(location.search);
  return { as: query.get("as"), channel: query.get("channel"), ts: query.get("thread") };
}

addEventListener("popstate", () => {
  const { as, channel, ts } = fromAddress();
  if (personBy(as) && personBy(as) !== store.me) begin();
  else go(channel === HOME ? HOME : (channelBy(channel) ?? firstPlace()), { thread: ts, record: false });
});

async function begin() {
  const { as, channel, ts } = fromAddress();
  try {
    await start(as, channel, ts);
    // The address in full, whatever the visitor had put into it.
    history.replaceState(null, "", address());
  } catch {
    fill(
      part("content"),
      el(
        "div",
        { class: "empty" },
        withEmoji(":electric_plug:"),
        el("p", {}, "The workspace cannot be reached."),
        el(
          "button",
          { type: "button", class: "button primary", on: { click: () => location.reload() } },
          "Try again",
        ),
      ),
    );
  }
}

begin();
