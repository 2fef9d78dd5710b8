// Dialogs: the browser's <dialog> makes the rest inert and takes the focus; this keeps Tab and Escape ours.

import { el, uid } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { textNode } from "./text.js";

const FOCUSABLE =
  "a[href], button:not(:disabled), input:not(:disabled), textarea:not(:disabled), select:not(:disabled), [tabindex='0']";

function cycle(dialog, event) {
  const all = [...dialog.querySelectorAll(FOCUSABLE)].filter((node) => node.checkVisibility());
  const edge = event.shiftKey ? all[0] : all.at(-1);
  if (all.length > 0 && document.activeElement === edge) {
    event.preventDefault();
    (event.shiftKey ? all.at(-1) : all[0]).focus();
  }
}

/** A <dialog> that keeps Tab inside and calls `onEscape` instead of closing itself. */
export function dialogElement(props, onEscape, ...children) {
  const dialog = el("dialog", props, ...children);
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Tab") cycle(dialog, event);
    if (event.key !== "Escape" || dialog.querySelector(":popover-open")) return;
    event.preventDefault();
    event.stopPropagation();
    onEscape();
  });
  // The back gesture of a phone asks to cancel without a key.
  dialog.addEventListener("cancel", (event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    onEscape();
  });
  return dialog;
}

/** Asks by a Block Kit confirm object; true when the person said yes. The focus goes back to where it was. */
export function askConfirm(confirm) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const answer = (yes) => {
      dialog.close();
      dialog.remove();
      before?.focus?.();
      resolve(yes);
    };
    const [title, body] = [uid("confirm-title"), uid("confirm-body")];
    const yes = el(
      "button",
      {
        type: "button",
        class: `button ${confirm.style === "danger" ? "danger" : "primary"}`,
        data: { testid: "confirm-yes" },
        on: { click: () => answer(true) },
      },
      withEmoji(confirm.confirm?.text ?? "Yes"),
    );
    const no = el(
      "button",
      { type: "button", class: "button", data: { testid: "confirm-no" }, on: { click: () => answer(false) } },
      withEmoji(confirm.deny?.text ?? "Cancel"),
    );
    const dialog = dialogElement(
      {
        class: "dialog confirm",
        role: "alertdialog",
        aria: { labelledby: title, describedby: body },
        data: { testid: "confirm" },
      },
      () => answer(false),
      el(
        "div",
        { class: "dialog-head" },
        el("h2", { id: title }, withEmoji(confirm.title?.text ?? "Are you sure?")),
        el(
          "button",
          {
            type: "button",
            class: "icon-button",
            aria: { label: "Close" },
            on: { click: () => answer(false) },
          },
          icon("close"),
        ),
      ),
      el("div", { class: "dialog-body", id: body }, confirm.text ? textNode(confirm.text) : null),
      el("div", { class: "dialog-foot" }, no, yes),
    );
    document.body.append(dialog);
    dialog.showModal();
    // A second Enter, meant for the button below, must not confirm what can hurt.
    (confirm.style === "danger" ? no : yes).focus();
  });
}
