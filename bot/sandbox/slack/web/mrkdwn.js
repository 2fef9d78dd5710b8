// Slack's mrkdwn as nodes. Only `<…>` is special among angle brackets: an escaped `&lt;!channel&gt;` reaches the
// reader as those characters, because entities are decoded last, in text that is no longer looked at.

import { el, fragment, link } from "./dom.js";
import { emojiNode, emojiOf } from "./emoji.js";
import { broadcastMention, channelMention, dateNode, groupMention, userMention } from "./mentions.js";

const WORD = /[\p{L}\p{N}]/u;
const STYLE = { "*": "strong", _: "em", "~": "s" };
const EMOJI_AT = /:([a-z0-9_+-]+(?:::skin-tone-\d)?):/iy;
const URL_AT = /https?:\/\/[^\s<>|`*]*[^\s<>|`*.,;:!?)'"\]]/iy;
const ANGLE_AT = /<([^<>\n]+)>/y;
const CODE_AT = /`([^`\n]+)`/y;

/** The three entities that Slack has. */
export function decode(text) {
  return text.replace(/&(lt|gt|amp);/g, (_, name) => ({ lt: "<", gt: ">", amp: "&" })[name]);
}

function matchAt(pattern, text, index) {
  pattern.lastIndex = index;
  return pattern.exec(text);
}

/** A whole mrkdwn text: fenced code, quotes, lists, lines. */
export function mrkdwn(text) {
  const parts = String(text).split("```");
  // A fence that is never closed is no fence.
  if (parts.length % 2 === 0) parts.push(`${parts.splice(-2, 1)}\`\`\`${parts.pop()}`);
  return fragment(
    parts.map((part, index) => {
      if (index % 2 === 1)
        return el("pre", { class: "code-block" }, plainAngles(part.replace(/^\n|\n$/g, "")));
      return flow(index > 0 ? part.replace(/^\n/, "") : part);
    }),
  );
}

/** Inside code nothing is live, but `<url|label>` still reads as its label. */
function plainAngles(text) {
  return decode(
    text.replace(/<([^<>\n]+)>/g, (whole, inner) =>
      /^(https?:|mailto:)/.test(inner) ? inner.split("|").pop() : whole,
    ),
  );
}

const QUOTE = /^(?:&gt;|>) ?/;
const BULLET = /^\s*[•◦▪-]\s+/;
const NUMBER = /^\s*(\d+)[.)]\s+/;

/** Lines, with runs of quoted and listed ones put together. */
function flow(text) {
  const nodes = [];
  const lines = text.split("\n");
  let plain = [];
  const flush = () => {
    if (plain.some((line) => line !== ""))
      nodes.push(el("div", { class: "para" }, joinLines(plain.map((line) => inline(line)))));
    else if (plain.length > 1 && nodes.length > 0) nodes.push(el("div", { class: "gap" }));
    plain = [];
  };
  const takeWhile = (pattern) => {
    const taken = [];
    while (lines.length > 0 && pattern.test(lines[0])) taken.push(lines.shift());
    return taken;
  };
  while (lines.length > 0) {
    if (/^(&gt;){3}|^>>>/.test(lines[0])) {
      flush();
      const rest = lines
        .splice(0)
        .join("\n")
        .replace(/^(?:(?:&gt;){3}|>>>) ?/, "");
      nodes.push(el("blockquote", {}, flow(rest)));
    } else if (QUOTE.test(lines[0])) {
      flush();
      const quoted = takeWhile(QUOTE).map((line) => line.replace(QUOTE, ""));
      nodes.push(el("blockquote", {}, joinLines(quoted.map((line) => inline(line)))));
    } else if (BULLET.test(lines[0])) {
      flush();
      nodes.push(
        el(
          "ul",
          {},
          takeWhile(BULLET).map((line) => el("li", {}, inline(line.replace(BULLET, "")))),
        ),
      );
    } else if (NUMBER.test(lines[0])) {
      flush();
      const start = Number(NUMBER.exec(lines[0])[1]);
      nodes.push(
        el(
          "ol",
          { start },
          takeWhile(NUMBER).map((line) => el("li", {}, inline(line.replace(NUMBER, "")))),
        ),
      );
    } else {
      plain.push(lines.shift());
    }
  }
  flush();
  return nodes;
}

function joinLines(lines) {
  return lines.flatMap((nodes, index) => (index === 0 ? nodes : [el("br"), ...nodes]));
}

/** One line of mrkdwn: an array of nodes and strings. Inside a link's label (`linked`) nothing else is a link. */
export function inline(text, linked = false) {
  const nodes = [];
  let plain = "";
  let at = 0;
  const push = (node, length) => {
    if (plain) nodes.push(decode(plain));
    plain = "";
    nodes.push(node);
    at += length;
  };
  while (at < text.length) {
    const found = special(text, at, linked);
    if (found) {
      push(found.node, found.length);
    } else {
      plain += text[at];
      at += 1;
    }
  }
  if (plain) nodes.push(decode(plain));
  return nodes;
}

/** What begins at `at` and is more than a character: {node, length}, or null. */
function special(text, at, linked) {
  const char = text[at];
  if (char === "<" && !linked) {
    const match = matchAt(ANGLE_AT, text, at);
    return match && { node: angle(match[1], match[0]), length: match[0].length };
  }
  if (char === "`") {
    const match = matchAt(CODE_AT, text, at);
    return match && { node: el("code", {}, plainAngles(match[1])), length: match[0].length };
  }
  if (char === ":") {
    const match = matchAt(EMOJI_AT, text, at);
    return match && emojiOf(match[1]) ? { node: emojiNode(match[1]), length: match[0].length } : null;
  }
  if (STYLE[char]) return styled(text, at, linked);
  if (char === "h" && !linked && !WORD.test(text[at - 1] ?? "")) {
    const match = matchAt(URL_AT, text, at);
    return match && { node: link(decode(match[0]), decode(match[0])), length: match[0].length };
  }
  return null;
}

/** *bold*, _italic_, ~strike~: the marks hug the words and stand at their borders. */
function styled(text, at, linked) {
  const mark = text[at];
  const after = text[at + 1];
  if (WORD.test(text[at - 1] ?? "") || !after || after === " " || after === mark) return null;
  let end = at + 1;
  while (end < text.length) {
    const skip =
      text[end] === "`"
        ? matchAt(CODE_AT, text, end)
        : text[end] === "<"
          ? matchAt(ANGLE_AT, text, end)
          : null;
    if (skip) {
      end += skip[0].length;
    } else if (text[end] === mark && text[end - 1] !== " " && !WORD.test(text[end + 1] ?? "")) {
      return { node: el(STYLE[mark], {}, inline(text.slice(at + 1, end), linked)), length: end + 1 - at };
    } else {
      end += 1;
    }
  }
  return null;
}

/** The inside of `<…>`: a mention, a date, a link; what is none of these is shown as it was written. */
function angle(inner, whole) {
  const bar = inner.indexOf("|");
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? undefined : decode(inner.slice(bar + 1));
  if (/^@[UW]/.test(target)) return userMention(target.slice(1), label);
  if (/^#C/.test(target)) return channelMention(target.slice(1), label);
  if (target.startsWith("!subteam^")) return groupMention(target.slice("!subteam^".length), label);
  if (target.startsWith("!date^")) {
    const [, seconds, format, address] = target.split("^");
    return dateNode(seconds, decode(format ?? ""), label, address && decode(address));
  }
  if (/^!(here|channel|everyone)$/.test(target)) return broadcastMention(target.slice(1));
  if (target.startsWith("!")) return label ?? decode(whole);
  if (/^(https?:\/\/|mailto:)/i.test(target)) {
    const shown = bar < 0 ? decode(target).replace(/^mailto:/i, "") : inline(inner.slice(bar + 1), true);
    return link(decode(target), shown);
  }
  return decode(whole);
}
