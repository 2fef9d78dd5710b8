// Modals: the top of a person's stack of views, as a form.

import { api } from "./api.js";
import { avatar } from "./avatar.js";
import { blockNodes } from "./blocks.js";
import { dialogElement } from "./dialog.js";
import { el, fill } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { interaction, readValues, showActionError } from "./interaction.js";
import { store } from "./state.js";

/** How long the spinner stays after an answer, when the frame that changes the stack is still on its way. */
const FRAME_WAIT_MS = 800;

/** What Slack checks before it asks the app: required, and the lengths of texts. block_id → what is wrong. */
function ownErrors(view, values) {
  const errors = {};
  for (const block of view.blocks) {
    if (block.type !== "input") continue;
    const held = values[block.block_id]?.[block.element.action_id] ?? {};
    const value = Object.entries(held).find(([key]) => key !== "type")?.[1];
    const empty = value === null || value === undefined || value.length === 0;
    if (empty && !block.optional) errors[block.block_id] = "Please complete this required field.";
    if (!empty && block.element.min_length && value.length < block.element.min_length)
      errors[block.block_id] = `Please enter at least ${block.element.min_length} characters.`;
  }
  return errors;
}

export class Modals {
  #dialog = null;
  #view = null;
  #body = null;
  #version = "";
  #before = null;
  /** What a person put into views that lie below another one. */
  #values = new Map();

  constructor() {
    store.on("views", () => this.#draw());
  }

  #draw() {
    const view = store.stack.at(-1);
    if (!view) {
      this.#shut();
      return;
    }
    // Every update of a view gives it another hash; with the same one only what is wrong with its fields can differ.
    const version = `${view.id} ${view.hash}`;
    if (version === this.#version) {
      if (view.errors) this.#showErrors(view.errors);
      return;
    }
    if (this.#view) this.#values.set(this.#view.id, readValues(this.#body));
    const same = this.#view?.id === view.id;
    const focused =
      same && this.#dialog.contains(document.activeElement) ? document.activeElement.dataset : null;
    this.#version = version;
    this.#view = view;
    if (!this.#dialog) this.#show();
    this.#build(view);
    this.#focus(focused);
    if (view.errors) this.#showErrors(view.errors);
  }

  #show() {
    this.#before = document.activeElement;
    this.#dialog = dialogElement(
      { class: "dialog modal", data: { testid: "modal" }, aria: { labelledby: "modal-title" } },
      () => this.#close(),
    );
    document.body.append(this.#dialog);
    this.#dialog.showModal();
  }

  #shut() {
    this.#dialog?.close();
    this.#dialog?.remove();
    this.#dialog = this.#view = this.#body = null;
    this.#version = "";
    this.#values.clear();
    if (this.#before?.isConnected) this.#before.focus({ preventScroll: true });
    this.#before = null;
  }

  #build(view) {
    this.#body = el("div", { class: "dialog-body blocks" });
    const ctx = interaction({
      surface: "modal",
      container: { type: "view", view_id: view.id },
      root: () => this.#body,
      retained: this.#values.get(view.id) ?? view.state?.values ?? {},
    });
    const below = store.stack.length > 1;
    if (view.blocks.length > 0) this.#body.append(...blockNodes(view.blocks, ctx));
    else
      this.#body.append(
        el(
          "div",
          { class: "skeleton", aria: { label: "Loading" }, role: "status" },
          el("i"),
          el("i"),
          el("i"),
        ),
      );
    const bot = store.user(store.app.bot_user_id) ?? { id: "app", is_bot: true };
    const form = el(
      "form",
      {
        class: "modal-form",
        noValidate: true,
        autocomplete: "off",
        on: {
          submit: (event) => {
            event.preventDefault();
            this.#submit();
          },
        },
      },
      el(
        "div",
        { class: "dialog-head" },
        below
          ? el(
              "button",
              {
                type: "button",
                class: "icon-button",
                aria: { label: "Back" },
                on: { click: () => this.#close() },
              },
              icon("back", 20),
            )
          : avatar(bot, "medium"),
        el("h2", { id: "modal-title" }, withEmoji(view.title?.text ?? "")),
        el(
          "button",
          {
            type: "button",
            class: "icon-button",
            aria: { label: "Close" },
            data: { testid: "modal-close" },
            on: { click: () => this.#close() },
          },
          icon("close", 20),
        ),
      ),
      this.#body,
      el(
        "div",
        { class: "dialog-foot" },
        el(
          "button",
          {
            type: "button",
            class: "button",
            data: { testid: "modal-cancel" },
            on: { click: () => this.#close() },
          },
          withEmoji(view.close?.text ?? "Close"),
        ),
        view.submit
          ? el(
              "button",
              { type: "submit", class: "button primary", data: { testid: "modal-submit" } },
              el("span", { class: "button-text" }, withEmoji(view.submit.text)),
            )
          : null,
      ),
    );
    fill(this.#dialog, form);
    this.#dialog.dataset.callbackId = view.callback_id ?? "";
  }

  #focus(held) {
    const by = held?.testid
      ? `[data-testid="${CSS.escape(held.testid)}"]`
      : held?.actionId
        ? `[data-action-id="${CSS.escape(held.actionId)}"]`
        : null;
    const again = by && this.#dialog.querySelector(by);
    const first =
      this.#body.querySelector("[autofocus]") ??
      this.#body.querySelector(".block-input input, .block-input textarea, .block-input button");
    (
      again ||
      first ||
      this.#dialog.querySelector("[data-testid='modal-submit'], [data-testid='modal-cancel']")
    ).focus();
  }

  #showErrors(errors) {
    let first = null;
    const elsewhere = [];
    for (const block of this.#body.querySelectorAll(".block-input"))
      this.#mark(block, errors[block.dataset.blockId]);
    for (const [blockId, text] of Object.entries(errors)) {
      const block = this.#body.querySelector(`.block-input[data-block-id="${CSS.escape(blockId)}"]`);
      if (!block) elsewhere.push(text);
      else first ??= block;
    }
    showActionError(this.#body, elsewhere.join(" ") || null);
    first?.querySelector("[data-action-id]:not(.choices), input, textarea, button")?.focus();
    first?.scrollIntoView({ block: "nearest" });
  }

  #mark(block, text) {
    const field = block.querySelector("[data-action-id]");
    block.classList.toggle("wrong", Boolean(text));
    field?.setAttribute("aria-invalid", String(Boolean(text)));
    const place = block.querySelector(":scope > .field-error");
    fill(place, text ? [icon("alert", 14), text] : null);
  }

  #busy(on) {
    const button = this.#dialog?.querySelector("[data-testid='modal-submit']");
    button?.classList.toggle("busy", on);
    button?.setAttribute("aria-busy", String(on));
    this.#dialog?.classList.toggle("waiting", on);
  }

  async #submit() {
    const view = this.#view;
    if (!view?.submit || this.#dialog.classList.contains("waiting")) return;
    const values = readValues(this.#body);
    const own = ownErrors(view, values);
    this.#showErrors(own);
    if (Object.keys(own).length > 0) return;
    this.#busy(true);
    const version = this.#version;
    const answer = await api.submit({ as: store.me, view_id: view.id, values });
    if (this.#version !== version || !this.#dialog) return;
    if (answer.ok) {
      setTimeout(() => this.#version === version && this.#busy(false), FRAME_WAIT_MS);
      return;
    }
    this.#busy(false);
    if (answer.errors) this.#showErrors(answer.errors);
    else showActionError(this.#body, answer.error ?? "We had some trouble connecting. Try again?");
  }

  async #close() {
    const view = this.#view;
    const answer = await api.close({ as: store.me, view_id: view.id });
    // Closing must always work for the person, also when the server has forgotten the view.
    if (this.#view?.id === view.id) {
      store.stack = answer.ok ? store.stack.slice(0, -1) : [];
      this.#draw();
    }
  }
}
