// Block Kit's blocks as nodes.

import { el, link, uid } from "./dom.js";
import { emojiText, withEmoji } from "./emoji.js";
import { elementNode } from "./elements.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { richText } from "./richtext.js";
import { textNode } from "./text.js";

function section(block, ctx) {
  const accessory =
    block.accessory && el("div", { class: "accessory" }, elementNode(block.accessory, block.block_id, ctx));
  return [
    el(
      "div",
      { class: "section-main" },
      block.text ? textNode(block.text) : null,
      block.fields
        ? el(
            "div",
            { class: "fields" },
            block.fields.map((field) => textNode(field, "field-cell")),
          )
        : null,
    ),
    accessory,
  ];
}

function context(block) {
  return block.elements.map((item) =>
    item.type === "image" ? elementNode(item, block.block_id, {}) : textNode(item),
  );
}

function image(block, ctx) {
  const title = block.title && el("figcaption", {}, withEmoji(block.title.text));
  return el("figure", {}, title, elementNode({ ...block, type: "image" }, block.block_id, ctx));
}

/** A labelled field of a form, with its hint and the place for its error. */
function input(block, ctx) {
  const [id, hint, error] = [uid("input"), uid("hint"), uid("error")];
  const label = emojiText(block.label.text);
  const node = elementNode(block.element, block.block_id, { ...ctx, id, label, input: block });
  const field = node.id === id ? node : (node.querySelector(`#${id}`) ?? node);
  field.setAttribute("aria-describedby", block.hint ? `${error} ${hint}` : error);
  if (!block.optional) field.setAttribute("aria-required", "true");
  return [
    el(
      "label",
      { class: "input-label", htmlFor: id },
      withEmoji(block.label.text),
      block.optional ? el("span", { class: "optional" }, " (optional)") : null,
    ),
    node,
    el("div", { class: "field-error", id: error, role: "alert" }),
    block.hint ? el("div", { class: "hint", id: hint }, withEmoji(block.hint.text)) : null,
  ];
}

const cellText = (cell) =>
  cell?.type === "rich_text" ? richText(cell) : String(cell?.text ?? cell?.value ?? "");

function table(block) {
  const [head = [], ...rows] = block.rows ?? [];
  const settings = block.column_settings ?? [];
  const row = (cells, tag) =>
    el(
      "tr",
      {},
      cells.map((cell, column) => {
        const { align, is_wrapped: wrapped } = settings[column] ?? {};
        return el(
          tag,
          {
            class: `align-${["center", "right"].includes(align) ? align : "left"}${wrapped ? " wrapped" : ""}`,
            attr: { scope: tag === "th" ? "col" : null },
          },
          cellText(cell),
        );
      }),
    );
  return el(
    "div",
    { class: "table-scroll", tabIndex: 0, role: "region", aria: { label: block.caption ?? "Table" } },
    el(
      "table",
      {},
      block.caption ? el("caption", {}, block.caption) : null,
      el("thead", {}, row(head, "th")),
      el(
        "tbody",
        {},
        rows.map((cells) => row(cells, "td")),
      ),
    ),
  );
}

const ALERT_ICONS = { error: "alert", warning: "alert", success: "check" };

const BLOCKS = {
  section,
  context,
  image,
  input,
  table,
  data_table: table,
  header: (block) =>
    el("div", { class: "header-text", role: "heading", aria: { level: 3 } }, withEmoji(block.text.text)),
  divider: () => el("hr"),
  actions: (block, ctx) => block.elements.map((item) => elementNode(item, block.block_id, ctx)),
  rich_text: (block) => richText(block),
  markdown: (block) => markdown(block.text),
  alert: (block) => [icon(ALERT_ICONS[block.level] ?? "bell"), textNode(block.text)],
  file: (block) => el("span", { class: "missing" }, icon("file"), `File ${block.external_id ?? ""}`),
  video: (block) => link(block.title_url ?? block.video_url, withEmoji(block.title?.text ?? "Video")),
};

/**
 * The nodes of a list of blocks. `ctx` is an `interaction(…)`. A block of a kind this page does not know is said.
 */
export function blockNodes(blocks, ctx) {
  return (blocks ?? []).map((block, index) => {
    // Slack names every block that came without a name.
    const named = block.block_id ? block : { ...block, block_id: `block-${index}` };
    const draw =
      BLOCKS[named.type] ?? (() => el("span", { class: "missing" }, `(${named.type} is not drawn here)`));
    const level =
      named.type === "alert"
        ? ` level-${["info", "warning", "error", "success"].includes(named.level) ? named.level : "default"}`
        : "";
    return el(
      "div",
      { class: `block block-${named.type}${level}`, data: { blockId: named.block_id } },
      draw(named, ctx),
    );
  });
}
