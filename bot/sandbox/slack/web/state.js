// What the page knows: one person's view of the workspace. Changes are told by events; drawing is elsewhere.

import { memory } from "./dom.js";
import { compareTs } from "./time.js";

/** Who wrote a message: a user id, also for the app's own. */
export const authorOf = (message) => message.user ?? message.bot_id ?? "";

/** A reply that is only in its thread. */
const isReply = (message) =>
  message.thread_ts && message.thread_ts !== message.ts && message.subtype !== "thread_broadcast";

class Store extends EventTarget {
  me = "";
  workspace = { id: "", name: "" };
  app = { connected: false };
  commands = [];
  suggestions = [];
  channels = [];
  /** The open modals, top last. */
  stack = [];
  /** The published App Home, once one was asked for. */
  home = undefined;
  #users = new Map();
  #usergroups = new Map();
  #messages = new Map();
  #deleted = new Set();

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  on(name, listener) {
    this.addEventListener(name, (event) => listener(event.detail));
  }

  /** Forgets everything and takes what the server answered to `boot`. */
  reset(boot) {
    this.refresh(boot);
    this.me = boot.me;
    this.stack = [];
    this.home = undefined;
    this.#messages.clear();
    this.#deleted.clear();
  }

  /** Takes a later `boot` of the same person. */
  refresh(boot) {
    this.workspace = boot.workspace;
    this.channels = boot.channels;
    this.commands = boot.commands ?? [];
    this.suggestions = boot.suggestions ?? [];
    this.app = boot.app ?? { connected: false };
    this.#users = new Map(boot.users.map((user) => [user.id, user]));
    this.#usergroups = new Map((boot.usergroups ?? []).map((group) => [group.id, group]));
  }

  get users() {
    return [...this.#users.values()];
  }

  user(id) {
    return this.#users.get(id);
  }

  usergroup(id) {
    return this.#usergroups.get(id);
  }

  channel(id) {
    return this.channels.find((channel) => channel.id === id);
  }

  /** The direct messages with the app's bot, if there are any yet. */
  get botChannel() {
    return this.channels.find(
      (channel) => channel.is_im && (!channel.user || channel.user === this.app.bot_user_id),
    );
  }

  /** What a channel is called: `#name` without the mark; for direct messages the other person. */
  nameOf(channel) {
    if (!channel.is_im) return channel.name;
    return this.user(channel.user)?.name ?? this.app.name ?? "Direct message";
  }

  /** The user whose picture stands beside a message. */
  authorUser(message) {
    const bot = message.bot_id ? this.user(this.app.bot_user_id) : undefined;
    return (
      this.user(message.user) ??
      bot ?? { id: authorOf(message), name: message.username ?? "unknown", is_bot: Boolean(message.bot_id) }
    );
  }

  #of(channel) {
    if (!this.#messages.has(channel)) this.#messages.set(channel, new Map());
    return this.#messages.get(channel);
  }

  /**
   * Takes a channel's history for what is known of it. What live frames told while it was on its way is newer:
   * later messages, later edits and deletions stay as they are.
   */
  load(channel, messages) {
    const before = this.#of(channel);
    const end = messages.at(-1)?.ts ?? "";
    const after = new Map([...before].filter(([ts]) => compareTs(ts, end) > 0));
    const editedAt = (message) => message?.edited?.ts ?? "";
    for (const message of messages) {
      if (this.#deleted.has(`${channel} ${message.ts}`)) continue;
      const known = before.get(message.ts);
      after.set(message.ts, compareTs(editedAt(known), editedAt(message)) > 0 ? known : message);
    }
    this.#messages.set(channel, after);
    this.emit("messages", channel);
  }

  put(message) {
    this.#of(message.channel).set(message.ts, message);
    this.emit("messages", message.channel);
  }

  remove(channel, ts) {
    this.#deleted.add(`${channel} ${ts}`);
    if (this.#of(channel).delete(ts)) this.emit("messages", channel);
  }

  message(channel, ts) {
    return this.#of(channel).get(ts);
  }

  #sorted(channel, keep) {
    return [...this.#of(channel).values()].filter(keep).sort((a, b) => compareTs(a.ts, b.ts));
  }

  /** A channel's messages, oldest first, without what is only in threads. */
  timeline(channel) {
    return this.#sorted(channel, (message) => !isReply(message));
  }

  /** A thread: its parent first. */
  thread(channel, ts) {
    return this.#sorted(channel, (message) => message.ts === ts || message.thread_ts === ts);
  }

  /** How many replies each thread of a channel has, and who wrote them: thread ts → {count, latest, authors}. */
  threads(channel) {
    const threads = new Map();
    for (const message of this.#sorted(
      channel,
      (one) => one.thread_ts && one.thread_ts !== one.ts && !one.is_ephemeral,
    )) {
      const summary = threads.get(message.thread_ts) ?? { count: 0, latest: message.ts, authors: [] };
      const author = this.authorUser(message);
      if (!summary.authors.some((known) => known.id === author.id)) summary.authors.push(author);
      threads.set(message.thread_ts, {
        count: summary.count + 1,
        latest: message.ts,
        authors: summary.authors,
      });
    }
    return threads;
  }

  #readKey(channel) {
    return `read:${this.workspace.id}:${this.me}:${channel}`;
  }

  /** Everything in the channel has been seen by this person, in this browser. */
  markRead(channel) {
    const last = this.timeline(channel).at(-1);
    if (last) memory.set(this.#readKey(channel), last.ts);
  }

  unread(channel) {
    const read = memory.get(this.#readKey(channel)) ?? "0000000000.000000";
    return this.timeline(channel).filter(
      (message) => compareTs(message.ts, read) > 0 && message.user !== this.me,
    ).length;
  }
}

export const store = new Store();
