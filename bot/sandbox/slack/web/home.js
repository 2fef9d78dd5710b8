// The App Home tab: a view that stays.

import { api } from "./api.js";
import { blockNodes } from "./blocks.js";
import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { interaction, readValues } from "./interaction.js";
import { store } from "./state.js";

const skeleton = () => el("div", { class: "skeleton", aria: { hidden: "true" } }, el("i"), el("i"), el("i"));

export class HomePane {
  node = el("div", {
    class: "home",
    data: { testid: "home" },
    tabIndex: 0,
    role: "region",
    aria: { label: "App home" },
  });
  #body = el("div", { class: "home-body" });
  #shown = "";

  constructor() {
    this.node.append(this.#body);
    store.on("home", () => this.#draw());
  }

  /** Tells the app that its home was opened, and shows what it published last. */
  async open() {
    this.#shown = "";
    if (store.home) this.#draw();
    else fill(this.#body, skeleton());
    const me = store.me;
    const answer = await api.home({ as: me });
    if (me !== store.me) return;
    if (answer.view) store.home = answer.view;
    if (!answer.ok && !store.home)
      fill(this.#body, el("div", { class: "empty" }, icon("alert", 28), el("p", {}, answer.error)));
    else this.#draw();
  }

  #draw() {
    const view = store.home;
    if (!view) {
      fill(
        this.#body,
        el(
          "div",
          { class: "empty" },
          icon("home", 28),
          el("p", {}, "This app has not published a home yet."),
        ),
      );
      return;
    }
    const version = JSON.stringify(view);
    if (version === this.#shown) return;
    this.#shown = version;
    const ctx = interaction({
      surface: "home",
      container: { type: "view", view_id: view.id },
      root: () => this.#body,
      retained: { ...view.state?.values, ...readValues(this.#body) },
    });
    fill(this.#body, blockNodes(view.blocks, ctx));
  }
}
