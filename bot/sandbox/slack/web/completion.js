// What the composer offers while something is typed: commands, whole lines to try, people.

import { store } from "./state.js";
import { nameOf } from "./avatar.js";

const MOST = 12;

function commandOffers(text) {
  const typed = text.toLowerCase();
  const commands = store.commands
    .filter(({ command }) => command.startsWith(typed))
    .map((one) => ({
      insert: `${one.command} `,
      title: one.command,
      hint: one.usage_hint,
      note: one.description,
      kind: "command",
    }));
  const lines = store.suggestions
    .filter((line) => line.toLowerCase().startsWith(typed) && line.toLowerCase() !== typed)
    .map((line) => ({ insert: line, title: line, kind: "line" }));
  return [...commands, ...lines].slice(0, MOST);
}

function peopleOffers(before, typed) {
  return store.users
    .filter(
      (user) =>
        user.name.toLowerCase().startsWith(typed.toLowerCase()) ||
        nameOf(user).toLowerCase().startsWith(typed.toLowerCase()),
    )
    .map((user) => ({
      insert: `${before}@${user.name} `,
      title: `@${user.name}`,
      note: user.title,
      kind: "person",
      user,
    }))
    .slice(0, MOST);
}

/**
 * The offers for what stands before the caret. Each has `insert` (the whole text before the caret, completed),
 * `title`, and perhaps `hint`, `note`, `user`.
 */
export function offersFor(text) {
  if (/^\/[^\n]*$/.test(text)) {
    const offers = commandOffers(text);
    if (offers.length > 0) return offers;
  }
  const mention = /^(.*(?:^|\s))@([\w.-]*)$/s.exec(text);
  return mention ? peopleOffers(mention[1], mention[2]) : [];
}

/** Whether a command's name is still being typed, so that Enter means "complete it" and not "send it". */
export const isUnfinished = (text) =>
  text.startsWith("/") &&
  !store.commands.some(({ command }) => text === command || text.startsWith(`${command} `));
