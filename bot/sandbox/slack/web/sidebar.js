// The left side: workspace, who one acts as, channels, direct messages, the app.

import { avatar, nameOf } from "./avatar.js";
import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { store } from "./state.js";

const human = (user) => !user.is_bot && user.role !== "bot";

/** The users a visitor may act as. */
export const people = () => store.users.filter(human);

const roleOf = (user) => user.role ?? user.name;

function actAs(onActAs) {
  const move = (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const all = [...event.currentTarget.children];
    if (!step) return;
    event.preventDefault();
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  };
  const label = el("div", { class: "act-as-label", id: "act-as-label" }, icon("swap", 15), "Act as");
  const group = el(
    "div",
    { class: "act-as", role: "radiogroup", aria: { labelledby: "act-as-label" }, on: { keydown: move } },
    people().map((user) => {
      const on = user.id === store.me;
      return el(
        "button",
        {
          type: "button",
          class: "act-as-person",
          role: "radio",
          tabIndex: on ? 0 : -1,
          title: user.title,
          aria: { checked: String(on) },
          data: { testid: `act-as-${roleOf(user)}` },
          on: { click: () => onActAs(user.id) },
        },
        avatar(user, "medium"),
        el("span", { class: "act-as-name" }, nameOf(user)),
      );
    }),
  );
  return el("section", { class: "act-as-section" }, label, group);
}

function room({ key, testid, sign, name, unread, current, archived, onGo }) {
  return el(
    "li",
    {},
    el(
      "a",
      {
        class: `room${unread ? " unread" : ""}${archived ? " archived" : ""}`,
        href: `?as=${encodeURIComponent(store.me)}&channel=${encodeURIComponent(key)}`,
        aria: { current: current ? "page" : undefined },
        data: { testid },
        on: {
          click: (event) => {
            if (event.metaKey || event.ctrlKey) return;
            event.preventDefault();
            onGo(key);
          },
        },
      },
      sign,
      el("span", { class: "room-name" }, name),
      unread
        ? el(
            "span",
            { class: "badge", data: { testid: "unread" } },
            el("span", { aria: { hidden: "true" } }, unread > 99 ? "99+" : unread),
            el("span", { class: "sr-only" }, ` ${unread} unread`),
          )
        : null,
    ),
  );
}

const section = (title, rows) =>
  rows.length > 0 ? el("section", { class: "rooms" }, el("h2", {}, title), el("ul", {}, rows)) : null;

/** How many unread messages there are where the visitor is not looking. */
export const unreadElsewhere = (current) =>
  store.channels.filter((one) => one.id !== current).reduce((sum, one) => sum + store.unread(one.id), 0);

/** `current` is a channel id or "home". */
export function drawSidebar(node, { current, onGo, onActAs, onClose }) {
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
  const scrolled = node.querySelector(".sidebar-scroll")?.scrollTop ?? 0;
  const channels = store.channels
    .filter((one) => !one.is_im)
    .map((one) =>
      room({
        key: one.id,
        testid: `channel-${one.name}`,
        sign: icon(one.is_private ? "lock" : "hash", 16),
        name: one.name,
        onGo,
        unread: one.id === current ? 0 : store.unread(one.id),
        current: one.id === current,
        archived: one.is_archived,
      }),
    );
  const directs = store.channels
    .filter((one) => one.is_im)
    .map((one) => {
      const other = store.user(one.user) ??
        store.user(store.app.bot_user_id) ?? { id: one.id, name: store.nameOf(one), is_bot: true };
      return room({
        key: one.id,
        testid: `dm-${other.name}`,
        sign: avatar(other, "small"),
        name: nameOf(other),
        onGo,
        unread: one.id === current ? 0 : store.unread(one.id),
        current: one.id === current,
      });
    });
  const connected = store.app.connected;
  const bot = store.user(store.app.bot_user_id) ?? { id: "app", name: store.app.name ?? "app", is_bot: true };
  const apps = [
    room({
      key: "home",
      testid: "home-tab",
      sign: avatar(bot, "small"),
      name: store.app.name ?? bot.name,
      onGo,
      current: current === "home",
    }),
  ];
  fill(
    node,
    el(
      "div",
      { class: "workspace" },
      el(
        "span",
        { class: "workspace-mark", aria: { hidden: "true" } },
        store.workspace.name.charAt(0).toUpperCase(),
      ),
      el(
        "div",
        { class: "workspace-text" },
        el("h1", { class: "workspace-name" }, store.workspace.name),
        el(
          "div",
          { class: `app-state ${connected ? "on" : "off"}`, data: { testid: "app-state" } },
          `${store.app.name ?? "app"} ${connected ? "connected" : "not connected"}`,
        ),
      ),
      el(
        "button",
        {
          type: "button",
          class: "icon-button drawer-close",
          aria: { label: "Close menu" },
          on: { click: onClose },
        },
        icon("close", 20),
      ),
    ),
    el(
      "div",
      { class: "sidebar-scroll" },
      actAs(onActAs),
      section("Channels", channels),
      section("Direct messages", directs),
      section("Apps", apps),
    ),
  );
  node.querySelector(".sidebar-scroll").scrollTop = scrolled;
  if (focused) node.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
