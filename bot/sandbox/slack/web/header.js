// What stands above the messages: the place's name and topic, who is in it, the app's tabs, the channel's beginning.

import { avatar, nameOf } from "./avatar.js";
import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { mrkdwn } from "./mrkdwn.js";
import { unreadElsewhere } from "./sidebar.js";
import { store } from "./state.js";

/** The place that is no channel: the app's home. */
export const HOME = "home";

/** What a channel is called, without its mark. */
export const placeName = (channel) => (channel.is_im ? store.nameOf(channel) : channel.name);

function members(channel) {
  const users = (channel.members ?? []).map((id) => store.user(id)).filter(Boolean);
  const names = users.map(nameOf).join(", ");
  return el(
    "div",
    { class: "members", title: names, role: "img", aria: { label: `${users.length} members: ${names}` } },
    users.slice(0, 3).map((user) => avatar(user, "small")),
    el("span", {}, String(users.length)),
  );
}

/** Draws the header of the place `current` (a channel id or HOME), and the window's title. */
export function drawHeader(node, { current, drawerOpen, onMenu }) {
  const channel = store.channel(current);
  const elsewhere = unreadElsewhere(current);
  const me = store.user(store.me);
  const bot = store.user(store.app.bot_user_id);
  const title = channel ? placeName(channel) : store.app.name;
  const sign =
    channel && !channel.is_im ? icon(channel.is_private ? "lock" : "hash", 20) : bot && avatar(bot, "medium");
  document.title = `${elsewhere ? `(${elsewhere}) ` : ""}${title} · ${store.workspace.name}`;
  const menu = el(
    "button",
    {
      type: "button",
      class: "icon-button drawer-open",
      data: { testid: "menu" },
      on: { click: onMenu },
      aria: { label: elsewhere ? `Menu, ${elsewhere} unread` : "Menu", expanded: String(drawerOpen) },
    },
    icon("menu", 22),
    elsewhere ? el("span", { class: "badge" }, elsewhere > 99 ? "99+" : elsewhere) : null,
  );
  fill(
    node,
    menu,
    el(
      "div",
      { class: "header-title" },
      sign,
      el("h2", { title }, title),
      channel?.topic
        ? el("span", { class: "header-topic", title: channel.topic }, mrkdwn(channel.topic))
        : null,
    ),
    channel && !channel.is_im ? members(channel) : null,
    el(
      "button",
      {
        type: "button",
        class: "me",
        aria: { label: `You act as ${nameOf(me)}. Change` },
        on: { click: onMenu },
      },
      avatar(me, "medium"),
    ),
  );
}

/** What a channel's list of messages begins with. */
export function beginning(channel) {
  if (channel.is_im)
    return el(
      "div",
      { class: "beginning" },
      el("p", {}, "Your direct messages with ", el("strong", {}, placeName(channel)), "."),
    );
  return el(
    "div",
    { class: "beginning" },
    el("span", { class: "beginning-sign" }, icon(channel.is_private ? "lock" : "hash", 26)),
    el(
      "p",
      {},
      el("strong", {}, `#${channel.name}`),
      channel.topic ? el("span", { class: "beginning-topic" }, mrkdwn(channel.topic)) : null,
    ),
  );
}

/** The app's own two tabs, its home and the direct messages with it; null before there are any. */
export function appTabs({ current, onGo }) {
  const direct = store.botChannel;
  if (!direct) return null;
  const tab = (key, name, testid) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        class: "tab",
        aria: { selected: String(current === key) },
        data: { testid },
        on: { click: () => onGo(key) },
      },
      name,
    );
  return el(
    "div",
    { class: "tabs", role: "tablist", aria: { label: store.app.name } },
    tab(HOME, "Home", "tab-home"),
    tab(direct.id, "Messages", "tab-messages"),
  );
}
