// A list of messages that keeps what did not change: nodes are replaced one by one, the reader's place is kept.

import { authorOf, store } from "./state.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { messageNode } from "./message.js";
import { agoText, dateOfTs, dayKey, dayText } from "./time.js";

const GROUP_SECONDS = 300;
const NEAR_END_PX = 60;

/** Whether `message` goes on from `before` without naming its author again. */
function continues(before, message) {
  return (
    Boolean(before) &&
    !before.is_ephemeral &&
    !message.is_ephemeral &&
    authorOf(before) === authorOf(message) &&
    dayKey(before.ts) === dayKey(message.ts) &&
    Number(message.ts) - Number(before.ts) < GROUP_SECONDS
  );
}

export class Timeline {
  #nodes = new Map();
  #openThread;
  #list = el("div", { class: "timeline-list", role: "list" });
  #jump = el(
    "button",
    { type: "button", class: "jump", hidden: true, on: { click: () => this.toEnd() } },
    icon("down", 16),
    "New messages",
  );
  #scroller = el("div", { class: "timeline", tabIndex: 0, role: "region", aria: { label: "Messages" } });
  #atEnd = true;

  /** `openThread(ts)` or null where threads are not opened from. */
  constructor({ openThread = null, label = "Messages", before = null } = {}) {
    this.#openThread = openThread;
    this.#scroller.setAttribute("aria-label", label);
    this.#scroller.append(el("div", { class: "timeline-space" }), ...(before ? [before] : []), this.#list);
    this.node = el("div", { class: "timeline-wrap" }, this.#scroller, this.#jump);
    this.#scroller.addEventListener("scroll", () => {
      this.#atEnd =
        this.#scroller.scrollHeight - this.#scroller.scrollTop - this.#scroller.clientHeight < NEAR_END_PX;
      if (this.#atEnd) this.#jump.hidden = true;
    });
    // Pictures that load, a composer that grows, a phone's keyboard: who was at the end stays there.
    const watch = new ResizeObserver(() => this.#atEnd && this.toEnd());
    watch.observe(this.#scroller);
    watch.observe(this.#list);
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#jump.hidden = true;
  }

  /** Draws `messages` (oldest first); `summaries` as `store.threads` gives them. */
  show(messages, summaries = new Map()) {
    const focus = this.#focusPlace();
    const last = this.#list.lastElementChild;
    const wanted = this.#wanted(messages, summaries);
    for (const [key, entry] of this.#nodes) {
      if (wanted.get(key)?.version !== entry.version) {
        entry.node.remove();
        this.#nodes.delete(key);
      }
    }
    let next = this.#list.firstElementChild;
    for (const [key, { version, make }] of wanted) {
      const known = this.#nodes.get(key);
      const node = known?.node ?? make();
      if (!known) this.#nodes.set(key, { version, node });
      if (node === next) next = next.nextElementSibling;
      else this.#list.insertBefore(node, next);
    }
    this.#restoreFocus(focus);
    if (this.#atEnd) this.toEnd();
    else if (last && this.#list.lastElementChild !== last && messages.at(-1)?.ts !== last.dataset.ts)
      this.#jump.hidden = false;
  }

  /** Keys in order → what they were made from and how to make them. */
  #wanted(messages, summaries) {
    const wanted = new Map();
    let before = null;
    for (const message of messages) {
      if (!before || dayKey(before.ts) !== dayKey(message.ts)) {
        const text = dayText(message.ts);
        wanted.set(`day ${dayKey(message.ts)}`, {
          version: text,
          make: () => el("div", { class: "day", role: "separator" }, el("span", {}, text)),
        });
      }
      const compact = continues(before, message);
      const summary = summaries.get(message.ts);
      const version = JSON.stringify([
        compact,
        summary?.count,
        summary && agoText(dateOfTs(summary.latest)),
        store.user(message.user)?.name,
        message,
      ]);
      wanted.set(message.ts, {
        version,
        make: () => {
          const node = messageNode(message, { compact, summary, openThread: this.#openThread });
          return el("div", { role: "listitem", data: { ts: message.ts } }, node);
        },
      });
      before = message;
    }
    return wanted;
  }

  #focusPlace() {
    const focused = document.activeElement;
    const ts = this.#list.contains(focused)
      ? focused.closest("[data-testid='message']")?.dataset.ts
      : undefined;
    return ts && { focused, ts, actionId: focused.dataset.actionId };
  }

  /** The button that was pressed may be gone with the message's old state: then the message has the focus. */
  #restoreFocus(place) {
    if (!place || place.focused.isConnected) return;
    const message = this.#nodes.get(place.ts)?.node.firstElementChild;
    const same = place.actionId && message?.querySelector(`[data-action-id="${CSS.escape(place.actionId)}"]`);
    (same || message)?.focus({ preventScroll: true });
  }
}
