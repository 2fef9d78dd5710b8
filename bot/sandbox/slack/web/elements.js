// Block Kit's interactive elements: what each looks like, what it holds, what it sends.

import { el, openAside, safeHref, uid } from "./dom.js";
import { emojiText, withEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { holdsValue } from "./interaction.js";
import { overflowMenu } from "./menu.js";
import { selectField } from "./select.js";
import { store } from "./state.js";
import { textNode } from "./text.js";

const ids = (element, blockId) => ({ actionId: element.action_id, blockId });
const base = (element, blockId) => ({ type: element.type, action_id: element.action_id, block_id: blockId });

/** What an element holds at first: what a person had put in before it was drawn anew, else its own initial value. */
function first(element, blockId, ctx, key, initial) {
  const held = ctx.retained[blockId]?.[element.action_id];
  return held && key in held ? held[key] : initial;
}

/** What a button sends; a `url` opens in a tab of its own besides. */
function button(element, blockId, ctx) {
  const style = ["primary", "danger"].includes(element.style) ? ` ${element.style}` : "";
  const node = el(
    "button",
    {
      type: "button",
      class: `button${style}`,
      data: ids(element, blockId),
      aria: { label: element.accessibility_label },
      on: { click: press },
    },
    el("span", { class: "button-text" }, withEmoji(element.text.text)),
    element.url ? el("span", { class: "external", aria: { hidden: "true" } }, "↗") : null,
  );

  async function press() {
    if (node.classList.contains("busy")) return;
    // A browser lets a page open a tab only as the direct answer to a click.
    if (!element.confirm) openAside(element.url);
    const taken = await ctx.act(
      { ...base(element, blockId), value: element.value, text: element.text },
      node,
      element.confirm,
    );
    if (element.confirm && taken) openAside(element.url);
  }
  return node;
}

/** Inside an input block an element only holds its value, unless the block says `dispatch_action`. */
const dispatches = (ctx) => !ctx.input || ctx.input.dispatch_action;

const asOption = (value, text) => ({ text: { type: "plain_text", text }, value });
const people = () => store.users.map((user) => asOption(user.id, user.name));
const rooms = (keep) =>
  store.channels.filter(keep).map((one) => asOption(one.id, one.is_im ? store.nameOf(one) : `#${one.name}`));

/** Kinds of select that choose among what the workspace has: how they name it in a value. */
const KINDS = {
  users: {
    single: "selected_user",
    many: "selected_users",
    first: "initial_user",
    firsts: "initial_users",
    options: people,
  },
  channels: {
    single: "selected_channel",
    many: "selected_channels",
    first: "initial_channel",
    firsts: "initial_channels",
    options: () => rooms((one) => !one.is_im && !one.is_private),
  },
  conversations: {
    single: "selected_conversation",
    many: "selected_conversations",
    first: "initial_conversation",
    firsts: "initial_conversations",
    options: () => rooms(() => true),
  },
};

function select(element, blockId, ctx) {
  const multiple = element.type.startsWith("multi_");
  const kindName = element.type.replace("multi_", "").replace("_select", "");
  const kind = KINDS[kindName];
  const external = kindName === "external";
  const key = multiple ? (kind?.many ?? "selected_options") : (kind?.single ?? "selected_option");
  const optionGroups = (from) =>
    from.option_groups
      ? from.option_groups.map((group) => ({ label: emojiText(group.label.text), options: group.options }))
      : [{ options: from.options ?? [] }];
  const groups = external ? null : kind ? [{ options: kind.options() }] : optionGroups(element);

  const toOption = (item) =>
    kind ? (groups[0].options.find((one) => one.value === item) ?? asOption(item, item)) : item;
  const initial = multiple
    ? element[kind?.firsts ?? "initial_options"]
    : element[kind?.first ?? "initial_option"];
  const start = first(element, blockId, ctx, key, initial);
  const chosen = (multiple ? (start ?? []) : [start]).filter(Boolean).map(toOption);

  const toValue = (options) => {
    const items = options.map((option) =>
      kind ? option.value : { text: option.text, value: option.value, description: option.description },
    );
    return { type: element.type, [key]: multiple ? items : (items[0] ?? null) };
  };
  let sent = chosen;
  const field = selectField({
    groups,
    multiple,
    max: element.max_selected_items,
    chosen,
    minQuery: element.min_query_length ?? 3,
    placeholder: emojiText(
      element.placeholder?.text ?? (multiple ? "Choose some options" : "Choose an option"),
    ),
    label: ctx.label ?? emojiText(element.placeholder?.text ?? "Select"),
    data: ids(element, blockId),
    ask:
      external &&
      (async (query) => {
        const answer = await ctx.options(element.action_id, blockId, query);
        return answer.error ? { error: answer.error } : { groups: optionGroups(answer) };
      }),
    onPick: async (options) => {
      if (!dispatches(ctx)) return;
      const taken = await ctx.act(
        { ...base(element, blockId), ...toValue(options) },
        field.field,
        element.confirm,
      );
      if (!taken && element.confirm) field.choose(sent);
      else sent = options;
    },
  });
  field.node.dataset.actionIdOf = element.action_id;
  holdsValue(field.field, () => toValue(field.chosen()));
  if (ctx.id) field.field.id = ctx.id;
  return field.node;
}

function textInput(element, blockId, ctx) {
  const type =
    { number_input: "number", email_text_input: "email", url_text_input: "url" }[element.type] ?? "text";
  const node = el(element.multiline ? "textarea" : "input", {
    class: "field",
    id: ctx.id,
    data: ids(element, blockId),
    placeholder: emojiText(element.placeholder?.text ?? ""),
    value: first(element, blockId, ctx, "value", element.initial_value) ?? "",
    aria: { label: ctx.id ? undefined : (element.placeholder?.text ?? "Text") },
    attr: {
      type: element.multiline ? null : type,
      rows: element.multiline ? 4 : null,
      autocomplete: "off",
      step: element.is_decimal_allowed ? "any" : null,
      min: element.min_value,
      max: element.max_value,
      autofocus: element.focus_on_load ? "" : null,
    },
    on: {
      keydown: (event) => {
        const on = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
        if (
          event.key !== "Enter" ||
          element.multiline ||
          !ctx.input?.dispatch_action ||
          !on.includes("on_enter_pressed")
        )
          return;
        event.preventDefault();
        ctx.act({ ...base(element, blockId), value: node.value }, node);
      },
    },
  });
  if (element.max_length) node.maxLength = element.max_length;
  return holdsValue(node, () => ({ type: element.type, value: node.value === "" ? null : node.value }));
}

const PICKERS = {
  datepicker: { input: "date", key: "selected_date", initial: "initial_date" },
  timepicker: { input: "time", key: "selected_time", initial: "initial_time" },
};

function picker(element, blockId, ctx) {
  const { input, key, initial } = PICKERS[element.type];
  const value = () => ({ type: element.type, [key]: node.value || null });
  const node = el("input", {
    class: "field picker",
    type: input,
    id: ctx.id,
    data: ids(element, blockId),
    value: first(element, blockId, ctx, key, element[initial]) ?? "",
    aria: { label: ctx.id ? undefined : (element.placeholder?.text ?? `Choose a ${input}`) },
    on: {
      change: () =>
        dispatches(ctx) && ctx.act({ ...base(element, blockId), ...value() }, node, element.confirm),
    },
  });
  return holdsValue(node, value);
}

/** datetimepicker: seconds since 1970, shown in the local time zone. */
function momentPicker(element, blockId, ctx) {
  const toField = (seconds) => {
    const date = new Date(seconds * 1000);
    return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  };
  const start = first(element, blockId, ctx, "selected_date_time", element.initial_date_time);
  const value = () => ({
    type: element.type,
    selected_date_time: node.value ? Math.floor(new Date(node.value).getTime() / 1000) : null,
  });
  const node = el("input", {
    class: "field picker",
    type: "datetime-local",
    id: ctx.id,
    data: ids(element, blockId),
    value: start ? toField(start) : "",
    on: {
      change: () =>
        dispatches(ctx) && ctx.act({ ...base(element, blockId), ...value() }, node, element.confirm),
    },
  });
  return holdsValue(node, value);
}

/** checkboxes and radio_buttons. */
function choices(element, blockId, ctx) {
  const many = element.type === "checkboxes";
  const key = many ? "selected_options" : "selected_option";
  const start = first(element, blockId, ctx, key, many ? element.initial_options : element.initial_option);
  const on = new Set((many ? (start ?? []) : [start]).filter(Boolean).map((option) => option.value));
  const name = uid("choice");
  const boxes = element.options.map((option) => {
    const box = el("input", {
      type: many ? "checkbox" : "radio",
      name,
      value: option.value,
      checked: on.has(option.value),
    });
    return { option, box };
  });
  const value = () => {
    const chosen = boxes.filter(({ box }) => box.checked).map(({ option }) => option);
    return { type: element.type, [key]: many ? chosen : (chosen[0] ?? null) };
  };
  const node = el(
    "div",
    {
      class: "choices",
      id: ctx.id,
      data: ids(element, blockId),
      role: many ? "group" : "radiogroup",
      aria: { label: ctx.label ?? "Options" },
      on: {
        change: () =>
          dispatches(ctx) && ctx.act({ ...base(element, blockId), ...value() }, node, element.confirm),
      },
    },
    boxes.map(({ option, box }) =>
      el(
        "label",
        { class: "choice" },
        box,
        el(
          "span",
          { class: "choice-text" },
          textNode(option.text),
          option.description ? el("span", { class: "choice-note" }, textNode(option.description)) : null,
        ),
      ),
    ),
  );
  return holdsValue(node, value);
}

function overflow(element, blockId, ctx) {
  const menu = overflowMenu({
    options: element.options,
    data: ids(element, blockId),
    onPick: (option) => {
      openAside(option.url);
      ctx.act({ ...base(element, blockId), selected_option: option }, menu.button, element.confirm);
    },
  });
  return menu.node;
}

function image(element) {
  const src = safeHref(element.image_url);
  if (!src) return el("span", { class: "missing" }, icon("file"), element.alt_text ?? "image");
  const node = el("img", {
    class: "block-image",
    src,
    alt: element.alt_text ?? "",
    loading: "lazy",
    referrerPolicy: "no-referrer",
  });
  node.addEventListener("error", () =>
    node.replaceWith(el("span", { class: "missing" }, icon("file"), element.alt_text ?? "image")),
  );
  return node;
}

const ELEMENTS = {
  button,
  workflow_button: button,
  overflow,
  checkboxes: choices,
  radio_buttons: choices,
  image,
  plain_text_input: textInput,
  number_input: textInput,
  email_text_input: textInput,
  url_text_input: textInput,
  datepicker: picker,
  timepicker: picker,
  datetimepicker: momentPicker,
};

/**
 * An element as a node. `ctx.input` is the input block it stands in, if it does; `ctx.id` the id its label points to.
 * A kind this page does not know is said, not hidden.
 */
export function elementNode(element, blockId, ctx) {
  const make = ELEMENTS[element.type] ?? (element.type.endsWith("_select") ? select : null);
  return make
    ? make(element, blockId, ctx)
    : el("span", { class: "missing" }, `(${element.type} is not drawn here)`);
}
