// Short notes at the edge of the page: what went wrong in delivery, or what was done.

import { el } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = { info: 5_000, error: 10_000 };

/** Shows `text`; an error is read out at once and stays longer. */
export function toast(text, level = "info") {
  const node = el(
    "div",
    { class: `toast ${level}`, role: level === "error" ? "alert" : "status", data: { testid: "toast" } },
    icon(level === "error" ? "alert" : "check"),
    el("span", {}, text),
    el(
      "button",
      {
        type: "button",
        class: "icon-button",
        aria: { label: "Dismiss" },
        on: { click: () => node.remove() },
      },
      icon("close", 16),
    ),
  );
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), SHOWN_MS[level] ?? SHOWN_MS.info);
}

/** Tells screen readers, and nobody else. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
