// Text objects of Block Kit: plain_text and mrkdwn.

import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";

/** A text object as an element. */
export function textNode(text, className = "") {
  const shown =
    text.type === "mrkdwn" ? mrkdwn(text.text) : text.emoji === false ? text.text : withEmoji(text.text);
  return el(
    "div",
    { class: `text ${text.type === "mrkdwn" ? "mrkdwn" : "plain"} ${className}`.trim() },
    shown,
  );
}
