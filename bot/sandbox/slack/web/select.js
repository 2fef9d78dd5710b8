// A select as Slack draws it: a field that opens a list with a filter; one choice or several; options at hand or asked for.

import { el, fill, uid } from "./dom.js";
import { emojiText, withEmoji } from "./emoji.js";
import { icon } from "./icons.js";

const ASK_AFTER_MS = 250;
const FILTER_FROM = 8;

const sameOption = (a, b) => a.value === b.value;

/**
 * @param groups  [{label?, options}] the options at hand, or null when `ask(query)` has to be asked
 * @param ask     async query → {groups} or {error}
 * @param chosen  the options chosen at first
 * @param onPick  called with the options chosen, after each change by a person
 * Returns {node, chosen(), choose(options)}.
 */
export function selectField({
  groups,
  ask,
  minQuery = 0,
  multiple,
  max = Infinity,
  chosen = [],
  placeholder,
  label,
  data,
  onPick,
}) {
  let picked = [...chosen];
  let found = [];
  let shown = [];
  let active = -1;
  let asked = 0;
  let timer = 0;
  const listId = uid("options");

  const value = el("span", { class: "select-value" });
  const field = el(
    "button",
    {
      type: "button",
      class: "select",
      data,
      role: "combobox",
      aria: { haspopup: "listbox", expanded: "false", controls: listId, label },
      on: { click: toggle, keydown: openByKey },
    },
    value,
    icon("down", 16),
  );
  const search = el("input", {
    type: "text",
    class: "select-search",
    placeholder: ask ? "Type to search" : "Filter",
    autocomplete: "off",
    spellcheck: false,
    role: "combobox",
    aria: { label: `Search: ${label}`, controls: listId, expanded: "true", autocomplete: "list" },
    on: { input: () => find(search.value) },
  });
  const list = el("ul", {
    id: listId,
    class: "select-list",
    role: "listbox",
    tabIndex: -1,
    aria: { label, multiselectable: multiple ? "true" : undefined },
  });
  const note = el("div", { class: "select-note", role: "status" });
  const popup = el(
    "div",
    { class: "select-popup", attr: { popover: "auto" }, on: { keydown: onKey, toggle: onToggle } },
    search,
    list,
    note,
  );
  const tokens = multiple ? el("div", { class: "tokens" }) : null;
  const node = el("div", { class: `select-wrap${multiple ? " multiple" : ""}` }, field, tokens, popup);

  function draw() {
    const single = !multiple && picked[0];
    fill(value, single ? withEmoji(single.text.text) : placeholder);
    value.classList.toggle("placeholder", !single);
    if (tokens) {
      fill(
        tokens,
        picked.map((option) =>
          el(
            "span",
            { class: "token" },
            el("span", {}, withEmoji(option.text.text)),
            el(
              "button",
              {
                type: "button",
                class: "token-remove",
                aria: { label: `Remove ${emojiText(option.text.text)}` },
                on: { click: () => change(picked.filter((one) => !sameOption(one, option))) },
              },
              icon("close", 12),
            ),
          ),
        ),
      );
    }
  }

  function change(options) {
    picked = options;
    draw();
    onPick?.(picked);
  }

  function toggle() {
    if (popup.matches(":popover-open")) popup.hidePopover();
    else open();
  }

  function openByKey(event) {
    if (["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      open();
    }
  }

  function open() {
    search.value = "";
    search.hidden = !ask && groups.reduce((count, group) => count + group.options.length, 0) < FILTER_FROM;
    fill(list);
    fill(note);
    popup.showPopover();
    find("", true);
    place();
    (search.hidden ? list : search).focus();
  }

  /** Below the field, or above where there is more room; it lies in the top layer, so it has to be placed by hand. */
  function place() {
    const at = field.getBoundingClientRect();
    const below = innerHeight - at.bottom - 12;
    const up = below < 220 && at.top > below;
    const width = Math.min(Math.max(at.width, 240), innerWidth - 16);
    popup.style.width = `${width}px`;
    popup.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
    popup.style.maxHeight = `${Math.min(320, up ? at.top - 12 : below)}px`;
    popup.style.top = up ? "auto" : `${at.bottom + 4}px`;
    popup.style.bottom = up ? `${innerHeight - at.top + 4}px` : "auto";
  }

  function onToggle(event) {
    field.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "closed" && popup.contains(document.activeElement)) field.focus();
  }

  function find(query, now = false) {
    clearTimeout(timer);
    if (!ask) {
      const wanted = query.trim().toLowerCase();
      const fits = (option) =>
        option.text.text.toLowerCase().includes(wanted) || option.value.toLowerCase().includes(wanted);
      show(groups.map((group) => ({ ...group, options: group.options.filter(fits) })));
      return;
    }
    if (query.length < minQuery) {
      show([]);
      fill(note, `Type ${minQuery === 1 ? "a character" : `${minQuery} characters`} or more to search.`);
      return;
    }
    fill(note, el("span", { class: "spinner" }), " Searching…");
    timer = setTimeout(() => askServer(query), now ? 0 : ASK_AFTER_MS);
  }

  async function askServer(query) {
    asked += 1;
    const mine = asked;
    const answer = await ask(query);
    // A slower answer to an earlier query must not replace the answer to the present one.
    if (mine !== asked || !popup.matches(":popover-open")) return;
    show(answer.groups ?? []);
    if (answer.error) fill(note, el("span", { class: "field-error" }, answer.error));
  }

  function show(options, keep = -1) {
    found = options;
    shown = [];
    const rows = found
      .filter((group) => group.options.length > 0)
      .flatMap((group) => {
        const head = group.label
          ? [el("li", { class: "select-group", role: "presentation" }, group.label)]
          : [];
        return [...head, ...group.options.map(row)];
      });
    fill(list, rows);
    fill(note, shown.length === 0 ? "Nothing found" : null);
    const current = shown.findIndex(({ option }) => picked.some((one) => sameOption(one, option)));
    activate(shown.length === 0 ? -1 : Math.max(keep, current, 0));
  }

  function row(option) {
    const index = shown.length;
    const on = picked.some((one) => sameOption(one, option));
    const item = el(
      "li",
      {
        id: `${listId}-${index}`,
        role: "option",
        class: "select-option",
        aria: { selected: String(on) },
        data: { value: option.value },
        on: { click: () => pick(index), pointermove: () => activate(index) },
      },
      el(
        "span",
        { class: "select-option-text" },
        withEmoji(option.text.text),
        option.description
          ? el("span", { class: "select-option-note" }, withEmoji(option.description.text))
          : null,
      ),
      on ? icon("check", 16) : null,
    );
    shown.push({ option, item });
    return item;
  }

  function activate(index) {
    shown[active]?.item.classList.remove("active");
    active = index;
    const item = shown[index]?.item;
    item?.classList.add("active");
    item?.scrollIntoView({ block: "nearest" });
    for (const owner of [search, list]) {
      if (item) owner.setAttribute("aria-activedescendant", item.id);
      else owner.removeAttribute("aria-activedescendant");
    }
  }

  function pick(index) {
    const { option } = shown[index] ?? {};
    if (!option) return;
    if (!multiple) {
      popup.hidePopover();
      change([option]);
      return;
    }
    const without = picked.filter((one) => !sameOption(one, option));
    const added = without.length === picked.length;
    if (added && picked.length >= max) {
      fill(note, `You can choose ${max} at most.`);
      return;
    }
    change(added ? [...picked, option] : without);
    show(found, index);
    place();
  }

  function onKey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (steps[event.key] && shown.length > 0) {
      event.preventDefault();
      activate((active + steps[event.key] + shown.length) % shown.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      pick(active);
    } else if (event.key === "Tab") {
      popup.hidePopover();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      popup.hidePopover();
      field.focus();
    }
  }

  draw();
  return {
    node,
    field,
    chosen: () => picked,
    choose(options) {
      picked = options;
      draw();
    },
  };
}
