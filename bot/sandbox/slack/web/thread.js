// The pane beside the conversation with one thread in it; on a phone it takes the screen.

import { Composer } from "./composer.js";
import { el, fill, isPhone } from "./dom.js";
import { icon } from "./icons.js";
import { store } from "./state.js";
import { Timeline } from "./timeline.js";

export class ThreadPane {
  #pane = document.getElementById("thread");
  #composer = new Composer({ testid: "thread-composer", sendId: "thread-send" });
  #timeline = null;
  #shown = null;

  constructor({ onClose }) {
    this.#pane.dataset.testid = "thread";
    this.#pane.addEventListener("keydown", (event) => {
      if (event.key === "Escape") onClose();
    });
    this.onClose = onClose;
    store.on("messages", (channel) => {
      if (channel === this.#shown?.channel) this.#draw();
    });
  }

  get ts() {
    return this.#shown?.ts;
  }

  open(channel, ts) {
    const room = store.channel(channel);
    this.#shown = { channel, ts };
    this.#timeline = new Timeline({ label: "Thread" });
    fill(
      this.#pane,
      el(
        "header",
        { class: "header thread-head" },
        el(
          "div",
          { class: "header-title" },
          el("h2", {}, "Thread"),
          el("span", { class: "header-topic" }, room.is_im ? store.nameOf(room) : `#${room.name}`),
        ),
        el(
          "button",
          {
            type: "button",
            class: "icon-button",
            aria: { label: "Close thread" },
            data: { testid: "thread-close" },
            on: { click: () => this.onClose() },
          },
          icon("close", 20),
        ),
      ),
      this.#timeline.node,
      el("div", { class: "footer" }, this.#composer.node),
    );
    this.#pane.hidden = false;
    this.#composer.open({ channel, thread: ts, label: "Reply…" });
    this.#draw();
    if (!isPhone()) this.#composer.field.focus();
  }

  close() {
    this.#shown = null;
    this.#pane.hidden = true;
    fill(this.#pane);
  }

  #draw() {
    this.#timeline.show(store.thread(this.#shown.channel, this.#shown.ts));
  }
}
