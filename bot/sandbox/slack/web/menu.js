// The overflow element: three dots that open a short menu.

import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { icon } from "./icons.js";

/** `onPick(option)` is called when a person has chosen. Returns the button with its menu. */
export function overflowMenu({ options, data, onPick }) {
  const items = options.map((option) =>
    el(
      "button",
      {
        type: "button",
        role: "menuitem",
        class: "menu-item",
        data: { value: option.value },
        on: {
          click: () => {
            menu.hidePopover();
            onPick(option);
          },
        },
      },
      withEmoji(option.text.text),
      option.description ? el("span", { class: "select-option-note" }, option.description.text) : null,
    ),
  );
  const menu = el(
    "div",
    { class: "menu", role: "menu", attr: { popover: "auto" }, on: { keydown: onKey, toggle: onToggle } },
    items,
  );
  const button = el(
    "button",
    {
      type: "button",
      class: "button overflow",
      data,
      aria: { label: "More actions", haspopup: "menu", expanded: "false" },
      on: { click: open },
    },
    icon("more"),
  );

  function open() {
    menu.showPopover();
    const at = button.getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    const up = at.bottom + height + 8 > innerHeight;
    menu.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
    menu.style.top = `${up ? at.top - height - 4 : at.bottom + 4}px`;
    items[0]?.focus();
  }

  function onToggle(event) {
    button.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "closed" && menu.contains(document.activeElement)) button.focus();
  }

  function onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (!step) return;
    event.preventDefault();
    items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
  }

  return { node: el("div", { class: "overflow-wrap" }, button, menu), button };
}
