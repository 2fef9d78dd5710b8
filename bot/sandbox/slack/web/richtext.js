// rich_text blocks: every leaf is a typed value, so nothing in them is parsed.

import { el, link } from "./dom.js";
import { emojiNode } from "./emoji.js";
import { broadcastMention, channelMention, dateNode, groupMention, userMention } from "./mentions.js";

const STYLES = { bold: "strong", italic: "em", strike: "s", underline: "u", code: "code" };

function leaf(item) {
  switch (item.type) {
    case "text":
      return item.text;
    case "link":
      return link(item.url, item.text || item.url);
    case "emoji":
      return emojiNode(item.name);
    case "user":
      return userMention(item.user_id);
    case "channel":
      return channelMention(item.channel_id);
    case "usergroup":
      return groupMention(item.usergroup_id);
    case "broadcast":
      return broadcastMention(item.range);
    case "date":
      return dateNode(item.timestamp, item.format, item.fallback, item.url);
    case "color":
      return el("code", {}, item.value);
    default:
      return item.text ?? "";
  }
}

function styled(item) {
  let node = leaf(item);
  // The tag nearest to the text first, so that code keeps its box inside bold.
  for (const style of ["code", "underline", "strike", "italic", "bold"]) {
    if (item.style?.[style]) node = el(STYLES[style], {}, node);
  }
  return node;
}

const leaves = (items) => (items ?? []).map(styled);

/** The items of a rich_text_list; a deeper `indent` only moves and re-marks it, as Slack sends lists flat. */
function list(item) {
  const indent = Math.min(Math.max(item.indent ?? 0, 0), 8);
  const props = { class: `rich-list indent-${indent}${item.border ? " bordered" : ""}` };
  if (item.style === "ordered") props.start = (item.offset ?? 0) + 1;
  return el(
    item.style === "ordered" ? "ol" : "ul",
    props,
    item.elements.map((entry) => el("li", {}, leaves(entry.elements))),
  );
}

function part(item) {
  switch (item.type) {
    case "rich_text_section":
      return el("div", { class: "para" }, leaves(item.elements));
    case "rich_text_list":
      return list(item);
    case "rich_text_quote":
      return el("blockquote", {}, leaves(item.elements));
    case "rich_text_preformatted":
      return el("pre", { class: "code-block" }, leaves(item.elements));
    default:
      return null;
  }
}

/** The parts of a rich_text block (or table cell) as nodes. */
export const richText = (block) => (block.elements ?? []).map(part);
