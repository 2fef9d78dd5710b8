// The markdown block: the part of Markdown that Slack draws (headings, lists, quotes, code, tables, links, styles).

import { el, fragment, link } from "./dom.js";
import { emojiNode, emojiOf } from "./emoji.js";

const RULES = [
  [/`([^`\n]+)`/y, (m) => el("code", {}, m[1])],
  [/\*\*(?=\S)(.+?)(?<=\S)\*\*/y, (m) => el("strong", {}, spans(m[1]))],
  [/~~(?=\S)(.+?)(?<=\S)~~/y, (m) => el("s", {}, spans(m[1]))],
  [/\*(?=[^\s*])(.+?)(?<=[^\s*])\*/y, (m) => el("em", {}, spans(m[1]))],
  [/(?<![\p{L}\p{N}])_(?=\S)(.+?)(?<=\S)_(?![\p{L}\p{N}])/uy, (m) => el("em", {}, spans(m[1]))],
  [/!?\[([^\]\n]+)\]\(([^()\s]+)\)/y, (m) => link(m[2], m[1])],
  [/:([a-z0-9_+-]+):/iy, (m) => (emojiOf(m[1]) ? emojiNode(m[1]) : null)],
  [/https?:\/\/[^\s<>()|`*]*[^\s<>()|`*.,;:!?'"\]]/iy, (m) => link(m[0], m[0])],
  [/\\([\\`*_{}[\]()#+.!~>|-])/y, (m) => m[1]],
];

/** One line's styles: an array of nodes and strings. */
function spans(text) {
  const nodes = [];
  let plain = "";
  let at = 0;
  scan: while (at < text.length) {
    for (const [pattern, make] of RULES) {
      pattern.lastIndex = at;
      const match = pattern.exec(text);
      const node = match && make(match);
      if (node === null) continue;
      nodes.push(plain, node);
      plain = "";
      at += match[0].length;
      continue scan;
    }
    plain += text[at];
    at += 1;
  }
  nodes.push(plain);
  return nodes.filter((node) => node !== "");
}

const FENCE = /^```/;
const HEADING = /^(#{1,6})\s+(.+?)\s*#*$/;
const ITEM = /^(\s*)(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const RULE = /^(?:-{3,}|\*{3,}|_{3,})$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

const cells = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => spans(cell.trim()));

function table(lines) {
  const [head, , ...rows] = lines;
  const row = (line, tag) =>
    el(
      "tr",
      {},
      cells(line).map((cell) => el(tag, {}, cell)),
    );
  return el(
    "div",
    { class: "table-scroll", tabIndex: 0, role: "region", aria: { label: "Table" } },
    el(
      "table",
      {},
      el("thead", {}, row(head, "th")),
      el(
        "tbody",
        {},
        rows.map((line) => row(line, "td")),
      ),
    ),
  );
}

function list(lines) {
  const first = ITEM.exec(lines[0]);
  const items = lines.map((line) => {
    const [, indent, , text] = ITEM.exec(line);
    return el("li", { class: `indent-${Math.min(Math.floor(indent.length / 2), 8)}` }, spans(text));
  });
  return first[2] ? el("ol", { start: Number(first[2]) }, items) : el("ul", {}, items);
}

/** A whole Markdown text as nodes. */
export function markdown(text) {
  const lines = String(text).split("\n");
  const nodes = [];
  const takeWhile = (test) => {
    const end = lines.findIndex((line) => !test(line));
    return lines.splice(0, end < 0 ? lines.length : end);
  };
  while (lines.length > 0) {
    const line = lines[0];
    if (line.trim() === "") {
      lines.shift();
    } else if (FENCE.test(line)) {
      lines.shift();
      nodes.push(el("pre", { class: "code-block" }, takeWhile((next) => !FENCE.test(next)).join("\n")));
      lines.shift();
    } else if (HEADING.test(line)) {
      const [, marks, title] = HEADING.exec(lines.shift());
      nodes.push(
        el(
          "div",
          { class: `md-heading md-h${marks.length}`, role: "heading", aria: { level: marks.length + 2 } },
          spans(title),
        ),
      );
    } else if (RULE.test(line.trim())) {
      lines.shift();
      nodes.push(el("hr"));
    } else if (line.includes("|") && TABLE_RULE.test(lines[1] ?? "")) {
      nodes.push(table(takeWhile((next) => next.includes("|"))));
    } else if (ITEM.test(line)) {
      nodes.push(list(takeWhile((next) => ITEM.test(next))));
    } else if (line.startsWith(">")) {
      const quoted = takeWhile((next) => next.startsWith(">")).map((next) => next.replace(/^> ?/, ""));
      nodes.push(el("blockquote", {}, markdown(quoted.join("\n"))));
    } else {
      const starts = (next) =>
        next.trim() === "" ||
        FENCE.test(next) ||
        HEADING.test(next) ||
        ITEM.test(next) ||
        next.startsWith(">");
      const taken = [lines.shift(), ...takeWhile((next) => !starts(next))];
      nodes.push(
        el(
          "div",
          { class: "para" },
          taken.flatMap((next, index) => (index ? [el("br"), ...spans(next)] : spans(next))),
        ),
      );
    }
  }
  return fragment(nodes);
}
