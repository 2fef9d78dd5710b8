// The field at the bottom: writing, completing, sending, and nothing typed is ever lost.

import { api } from "./api.js";
import { avatar } from "./avatar.js";
import { isUnfinished, offersFor } from "./completion.js";
import { el, fill, uid } from "./dom.js";
import { icon } from "./icons.js";
import { store } from "./state.js";

const HISTORY = 50;

/** What was sent on this page, newest last; each person's own. */
const sent = new Map();
/** What was typed and not sent, by person, channel and thread. */
const drafts = new Map();

export class Composer {
  #place = { channel: "", thread: undefined };
  #offers = [];
  #chosen = -1;
  #recall = -1;
  #sending = false;

  /** `testid` names the field; the send button is `<sendId>`. */
  constructor({ testid, sendId }) {
    const listId = uid("offers");
    this.field = el("textarea", {
      class: "composer-field",
      rows: 1,
      data: { testid },
      spellcheck: false,
      attr: { autocomplete: "off", enterkeyhint: "send", maxlength: 4000 },
      aria: { autocomplete: "list", controls: listId, haspopup: "listbox" },
      on: {
        input: () => this.#typed(),
        keydown: (event) => this.#key(event),
        blur: () => this.#offer([]),
        click: () => this.#offer(offersFor(this.#before)),
      },
    });
    this.button = el(
      "button",
      {
        type: "button",
        class: "send",
        disabled: true,
        aria: { label: "Send" },
        data: { testid: sendId },
        on: { click: () => this.send() },
      },
      icon("send", 18),
    );
    this.list = el("ul", {
      id: listId,
      class: "offers",
      role: "listbox",
      hidden: true,
      aria: { label: "Suggestions" },
      data: { testid: `${testid}-offers` },
    });
    this.error = el("div", {
      class: "composer-error",
      role: "alert",
      hidden: true,
      data: { testid: `${testid}-error` },
    });
    this.node = el(
      "div",
      { class: "composer" },
      this.list,
      el("div", { class: "composer-box" }, this.field, this.button),
      this.error,
    );
  }

  get #draftKey() {
    return `${store.me} ${this.#place.channel} ${this.#place.thread ?? ""}`;
  }

  get #before() {
    return this.field.value.slice(0, this.field.selectionStart);
  }

  /** Says where the next message goes; a draft of that place comes back. */
  open({ channel, thread, label }) {
    this.#place = { channel, thread };
    this.field.placeholder = label;
    this.field.setAttribute("aria-label", label);
    this.#showError(null);
    this.#recall = -1;
    this.#put(drafts.get(this.#draftKey) ?? "");
    this.#offer([]);
  }

  /** Puts a text in to be looked at and sent, with the caret at its end. */
  fill(text) {
    this.#put(text);
    this.field.focus();
    this.field.setSelectionRange(text.length, text.length);
    this.#offer(offersFor(text));
  }

  #put(text) {
    this.field.value = text;
    if (text) drafts.set(this.#draftKey, text);
    else drafts.delete(this.#draftKey);
    this.button.disabled = this.#sending || text.trim() === "";
    this.#fit();
  }

  /** As high as its lines, up to what the style sheet allows. */
  #fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  #typed() {
    this.#recall = -1;
    this.#put(this.field.value);
    this.#showError(null);
    this.#offer(offersFor(this.#before));
  }

  #showError(text) {
    this.error.hidden = !text;
    fill(this.error, text ? [icon("alert", 15), text] : null);
  }

  #offer(offers) {
    this.#offers = offers;
    fill(
      this.list,
      offers.map((offer, index) =>
        el(
          "li",
          {
            id: `${this.list.id}-${index}`,
            role: "option",
            class: `offer ${offer.kind}`,
            aria: { selected: "false" },
            // Before the field loses the focus, which would take the list away.
            on: { pointerdown: (event) => event.preventDefault(), click: () => this.#take(index) },
          },
          offer.user ? avatar(offer.user, "small") : null,
          el("span", { class: "offer-title" }, offer.title),
          offer.hint ? el("span", { class: "offer-hint" }, offer.hint) : null,
          offer.note ? el("span", { class: "offer-note" }, offer.note) : null,
        ),
      ),
    );
    this.list.hidden = offers.length === 0;
    const completes = offers.length > 0 && (offers[0].kind === "person" || isUnfinished(this.field.value));
    this.#choose(completes ? 0 : -1);
  }

  #choose(index) {
    this.list.children[this.#chosen]?.setAttribute("aria-selected", "false");
    this.#chosen = index;
    const item = this.list.children[index];
    item?.setAttribute("aria-selected", "true");
    item?.scrollIntoView({ block: "nearest" });
    if (item) this.field.setAttribute("aria-activedescendant", item.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  #take(index) {
    const { insert } = this.#offers[index];
    const after = this.field.value.slice(this.field.selectionStart);
    this.#put(insert + after);
    this.field.focus();
    this.field.setSelectionRange(insert.length, insert.length);
    this.#offer(insert.endsWith(" ") ? offersFor(insert) : []);
  }

  #key(event) {
    if (event.isComposing) return;
    const open = this.#offers.length > 0 && this.#recall < 0;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (open && step && !event.shiftKey) {
      event.preventDefault();
      const next =
        this.#chosen < 0 && step < 0
          ? this.#offers.length - 1
          : (this.#chosen + step + this.#offers.length) % this.#offers.length;
      this.#choose(next);
    } else if (open && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      this.#take(Math.max(this.#chosen, 0));
    } else if (open && event.key === "Escape") {
      event.stopPropagation();
      this.#offer([]);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (open && this.#chosen >= 0) this.#take(this.#chosen);
      else this.send();
    } else if (step && !event.shiftKey && this.#recallStep(step)) {
      event.preventDefault();
    }
  }

  /** Arrow up in an empty field, or in one that was recalled, goes through what was sent. */
  #recallStep(step) {
    const lines = sent.get(store.me) ?? [];
    if (lines.length === 0 || (this.#recall < 0 && (this.field.value !== "" || step > 0))) return false;
    const from = this.#recall < 0 ? lines.length : this.#recall;
    const next = Math.max(from + step, 0);
    this.#put(lines[next] ?? "");
    this.#recall = next < lines.length ? next : -1;
    this.field.setSelectionRange(this.field.value.length, this.field.value.length);
    this.#offer([]);
    return true;
  }

  async send() {
    const text = this.field.value.trim();
    if (!text || this.#sending) return;
    this.#offer([]);
    this.#showError(null);
    const { channel, thread } = this.#place;
    const draft = this.#draftKey;
    if (thread && text.startsWith("/")) {
      this.#showError(`${text.split(/\s/)[0]} is not supported in threads. Sorry!`);
      return;
    }
    this.#busy(true);
    const answer = await api.post({ as: store.me, channel, text, thread_ts: thread });
    this.#busy(false);
    if (draft !== this.#draftKey) {
      // The person has gone elsewhere meanwhile; what failed waits for them as a draft.
      if (answer.ok) drafts.delete(draft);
      return;
    }
    if (answer.ok) {
      const lines = (sent.get(store.me) ?? []).filter((line) => line !== text);
      sent.set(store.me, [...lines, text].slice(-HISTORY));
      this.#recall = -1;
      this.#put("");
    } else {
      this.#showError(answer.error ?? "That could not be sent.");
    }
    this.button.disabled = this.field.value.trim() === "";
  }

  #busy(on) {
    this.#sending = on;
    this.field.readOnly = on;
    this.button.classList.toggle("busy", on);
    this.button.disabled = on;
  }
}
