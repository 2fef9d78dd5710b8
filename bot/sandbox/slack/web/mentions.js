// What stands for a person, a channel, a group or a moment inside a text; the same in mrkdwn and rich_text.

import { el, link } from "./dom.js";
import { store } from "./state.js";
import { formatDate, fullText } from "./time.js";

export function userMention(id, label) {
  const name = store.user(id)?.name ?? label ?? id;
  return el(
    "span",
    { class: id === store.me ? "mention mention-me" : "mention", data: { user: id } },
    `@${name}`,
  );
}

export function channelMention(id, label) {
  const channel = store.channel(id);
  const name = `#${channel?.name ?? label ?? id}`;
  if (!channel) return el("span", { class: "mention" }, name);
  return el(
    "button",
    { type: "button", class: "mention mention-link", on: { click: () => store.emit("go", id) } },
    name,
  );
}

export function groupMention(id, label) {
  const handle = store.usergroup(id)?.handle ?? label ?? id;
  return el("span", { class: "mention", data: { usergroup: id } }, `@${handle.replace(/^@/, "")}`);
}

export const broadcastMention = (range) =>
  el("span", { class: "mention mention-all", data: { broadcast: range } }, `@${range}`);

/** `seconds` since 1970; `format` with Slack's date tokens; `address`, if any, makes it a link. */
export function dateNode(seconds, format, fallback, address) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return fallback ?? "";
  const time = el(
    "time",
    { dateTime: date.toISOString(), title: fullText(String(seconds)) },
    formatDate(date, format),
  );
  return address ? link(address, time) : time;
}
