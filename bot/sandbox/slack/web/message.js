// One message: author, time, content, files, thread bar.

import { api } from "./api.js";
import { avatar, nameOf } from "./avatar.js";
import { blockNodes } from "./blocks.js";
import { el, link, safeHref } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { interaction } from "./interaction.js";
import { mrkdwn } from "./mrkdwn.js";
import { store } from "./state.js";
import { agoText, dateOfTs, fullText, timeText } from "./time.js";
import { toast } from "./toast.js";

function fileSize(bytes) {
  if (!Number.isFinite(bytes)) return "";
  return bytes < 1024 ? `${bytes} bytes` : `${(bytes / 1024).toFixed(1)} kB`;
}

function file(one) {
  const href = safeHref(one.url ?? "");
  const body = [
    el("span", { class: "file-icon" }, icon("file", 22)),
    el(
      "span",
      { class: "file-text" },
      el("span", { class: "file-name" }, one.title || one.name),
      el("span", { class: "file-note" }, [one.mimetype, fileSize(one.size)].filter(Boolean).join(" · ")),
    ),
  ];
  if (!href) return el("span", { class: "file" }, body);
  return el("a", { class: "file", href, download: one.name ?? "", data: { testid: "file" } }, body);
}

/** The older attachments: a coloured bar beside blocks, or beside a title, text and fields. */
function attachment(item, ctx) {
  const node = el(
    "div",
    { class: "attachment" },
    item.pretext ? el("div", { class: "mrkdwn" }, mrkdwn(item.pretext)) : null,
    item.title
      ? el(
          "div",
          { class: "attachment-title" },
          item.title_link ? link(item.title_link, withEmoji(item.title)) : withEmoji(item.title),
        )
      : null,
    item.blocks
      ? blockNodes(item.blocks, ctx)
      : item.text || item.fallback
        ? el("div", { class: "mrkdwn" }, mrkdwn(item.text ?? item.fallback))
        : null,
    item.fields
      ? el(
          "div",
          { class: "fields" },
          item.fields.map((one) =>
            el(
              "div",
              { class: "field-cell" },
              el("strong", {}, one.title),
              el("br"),
              mrkdwn(one.value ?? ""),
            ),
          ),
        )
      : null,
    item.footer ? el("div", { class: "attachment-footer" }, mrkdwn(item.footer)) : null,
  );
  const named = { good: "#2e9e6b", warning: "#d99a1c", danger: "#d0444d" }[item.color];
  if (named || /^#?[0-9a-f]{6}$/i.test(item.color ?? ""))
    node.style.borderLeftColor = named ?? `#${item.color.replace("#", "")}`;
  return node;
}

function content(message, ctx) {
  if (message.blocks?.length) return blockNodes(message.blocks, ctx);
  return message.text ? el("div", { class: "text mrkdwn" }, mrkdwn(message.text)) : null;
}

function threadBar(message, summary, openThread) {
  const count = `${summary.count} ${summary.count === 1 ? "reply" : "replies"}`;
  return el(
    "button",
    {
      type: "button",
      class: "thread-bar",
      data: { testid: "open-thread" },
      on: { click: () => openThread(message.thread_ts ?? message.ts) },
    },
    el(
      "span",
      { class: "thread-faces" },
      summary.authors.slice(0, 3).map((author) => avatar(author, "small")),
    ),
    el("span", { class: "thread-count" }, count),
    el("span", { class: "thread-last" }, `last reply ${agoText(dateOfTs(summary.latest))}`),
  );
}

async function dismiss(message) {
  const { ok, error } = await api.dismiss({ as: store.me, channel: message.channel, ts: message.ts });
  if (ok) store.remove(message.channel, message.ts);
  else toast(error, "error");
}

/**
 * @param compact     no author line: it goes on from the message above
 * @param summary     what `store.threads` says of its thread, if it has one
 * @param openThread  called with the thread's ts; null inside a thread pane
 */
export function messageNode(message, { compact, summary, openThread }) {
  const author = store.authorUser(message);
  const isApp = Boolean(message.bot_id || author.is_bot);
  const named = nameOf(author);
  const shownAt = el(
    "time",
    { class: "message-time", title: fullText(message.ts), dateTime: dateOfTs(message.ts).toISOString() },
    timeText(message.ts),
  );
  const main = el("div", { class: "message-content" });
  const ctx = interaction({
    surface: "message",
    container: {
      type: "message",
      channel: message.channel,
      ts: message.ts,
      is_ephemeral: message.is_ephemeral || undefined,
    },
    // A live update may have drawn this message anew while its click was under way.
    root: () =>
      main.isConnected
        ? main
        : document.querySelector(
            `[data-testid="message"][data-ts="${CSS.escape(message.ts)}"] .message-content`,
          ),
  });
  const edited =
    message.edited &&
    el(
      "span",
      { class: "edited", title: message.edited.ts ? fullText(message.edited.ts) : null },
      "(edited)",
    );
  main.append(
    ...[content(message, ctx)].flat().filter(Boolean),
    ...(message.attachments ?? []).map((item) => attachment(item, ctx)),
    ...(message.files ?? []).map(file),
  );

  const tools = el("div", { class: "message-tools" });
  if (openThread && !message.is_ephemeral) {
    tools.append(
      el(
        "button",
        {
          type: "button",
          class: "icon-button",
          title: "Reply in thread",
          aria: { label: "Reply in thread" },
          data: { testid: summary ? "reply-in-thread" : "open-thread" },
          on: { click: () => openThread(message.thread_ts ?? message.ts) },
        },
        icon("reply"),
      ),
    );
  }

  return el(
    "article",
    {
      class: `message${compact ? " compact" : ""}${message.is_ephemeral ? " ephemeral" : ""}`,
      tabIndex: -1,
      aria: { label: `${named}, ${timeText(message.ts)}` },
      data: {
        testid: "message",
        ts: message.ts,
        channel: message.channel,
        ephemeral: message.is_ephemeral ? "true" : undefined,
      },
    },
    el("div", { class: "message-side" }, compact ? shownAt : avatar(author)),
    el(
      "div",
      { class: "message-main" },
      message.is_ephemeral
        ? el(
            "div",
            { class: "only-you" },
            icon("eye", 15),
            "Only visible to you",
            el(
              "button",
              {
                type: "button",
                class: "link-button",
                data: { testid: "dismiss" },
                on: { click: () => dismiss(message) },
              },
              "Dismiss",
            ),
          )
        : null,
      compact
        ? null
        : el(
            "header",
            { class: "message-head" },
            el("span", { class: "message-author" }, message.username ?? named),
            isApp ? el("span", { class: "app-badge" }, "APP") : null,
            shownAt,
          ),
      main,
      edited,
      summary && openThread ? threadBar(message, summary, openThread) : null,
    ),
    tools,
  );
}
