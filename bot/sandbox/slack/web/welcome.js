// The strip a first visitor sees: what to try, one click each.

import { el, fill, memory } from "./dom.js";
import { icon } from "./icons.js";
import { store } from "./state.js";
import { people } from "./sidebar.js";

const DISMISSED = "welcome-dismissed";

/** A suggested line by its verb, or the bare command with it. */
function line(verb) {
  const found = store.suggestions.find((one) => one.split(/\s+/)[1] === verb);
  return found ?? `${store.commands[0]?.command ?? "/csms"} ${verb}`;
}

/** Draws the strip into `node`, unless it was dismissed. `onTry(text)` fills the composer. */
export function drawWelcome(node, { onTry, onActAs }) {
  if (memory.get(DISMISSED) || store.commands.length === 0) {
    fill(node);
    return;
  }
  const approver = people().find((user) => user.role === "approver");
  const chip = (text, note) =>
    el(
      "button",
      { type: "button", class: "chip", data: { testid: "chip" }, on: { click: () => onTry(text) } },
      note ? el("span", { class: "chip-note" }, note) : null,
      el("code", {}, text),
    );
  const close = () => {
    memory.set(DISMISSED, "yes");
    fill(node);
  };
  fill(
    node,
    el(
      "section",
      { class: "welcome", aria: { label: "What to try" }, data: { testid: "welcome" } },
      el(
        "div",
        { class: "welcome-text" },
        el("strong", {}, "Everything here is real, and yours to break. "),
        "List the events, change one, then act as the approver and approve it.",
      ),
      el(
        "div",
        { class: "chips" },
        chip(line("list"), "1"),
        chip(line("update"), "2"),
        approver
          ? el(
              "button",
              { type: "button", class: "chip", on: { click: () => onActAs(approver.id) } },
              el("span", { class: "chip-note" }, "3"),
              "Act as approver",
            )
          : null,
      ),
      el(
        "button",
        {
          type: "button",
          class: "icon-button",
          aria: { label: "Dismiss" },
          data: { testid: "welcome-close" },
          on: { click: close },
        },
        icon("close", 16),
      ),
    ),
  );
}
