// What happens when a person uses an element: confirm, spinner, answer, error in place; and what all elements hold.

import { api } from "./api.js";
import { askConfirm } from "./dialog.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { store } from "./state.js";

const readers = new WeakMap();

/** Marks `node` as holding a value; `read` gives it in Slack's shape ({type, value | selected_option | …}). */
export function holdsValue(node, read) {
  node.dataset.stateful = "";
  readers.set(node, read);
  return node;
}

/** Slack's `state.values` of everything below `root`: block_id → action_id → value. */
export function readValues(root) {
  const values = {};
  for (const node of root?.querySelectorAll("[data-stateful]") ?? []) {
    const { blockId, actionId } = node.dataset;
    values[blockId] = { ...values[blockId], [actionId]: readers.get(node)() };
  }
  return values;
}

/** An error beside what caused it; `where` null removes the one that is there. */
export function showActionError(root, text, near) {
  root.querySelectorAll(".action-error").forEach((old) => old.remove());
  if (!text) return;
  const error = el(
    "div",
    { class: "action-error", role: "alert", data: { testid: "action-error" } },
    icon("alert", 15),
    el("span", {}, text),
  );
  const block = near?.isConnected ? near.closest(".block") : null;
  if (block && root.contains(block)) block.after(error);
  else root.append(error);
}

/**
 * The elements' way to the server, for one message or view.
 *
 * `container` as the server wants it, `root()` the element that is shown for it now (a live update may have
 * replaced it while an answer was awaited), `retained` the values a person had put in before it was drawn anew.
 */
export function interaction({ surface, container, root, retained = {} }) {
  return {
    surface,
    retained,
    /** Sends one action; true when it was taken. */
    async act(action, node, confirm) {
      if (confirm && !(await askConfirm(confirm))) return false;
      const values = readValues(root());
      showActionError(root(), null);
      node.classList.add("busy");
      node.setAttribute("aria-busy", "true");
      const answer = await api.action({ as: store.me, container, action, values });
      node.classList.remove("busy");
      node.removeAttribute("aria-busy");
      if (!answer.ok && root())
        showActionError(root(), answer.error ?? "That did not work. Try again.", node);
      return answer.ok;
    },
    options(actionId, blockId, value) {
      return api.options({ as: store.me, container, action_id: actionId, block_id: blockId, value });
    },
  };
}
