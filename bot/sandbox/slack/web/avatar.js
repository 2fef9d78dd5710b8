// The picture beside a name: a sign for the role on the person's colour.

import { el } from "./dom.js";
import { icon } from "./icons.js";

const SIGNS = { engineer: "wrench", approver: "shield", subscriber: "bell", guest: "eye" };
const COLOURS = ["#3f6fd8", "#0d8a6f", "#b4562a", "#8a4fc4", "#b03a68", "#4b7a1f"];

function colourOf(user) {
  if (/^#?[0-9a-f]{6}$/i.test(user.color ?? "")) return `#${user.color.replace("#", "")}`;
  let sum = 0;
  for (const char of user.id) sum += char.charCodeAt(0);
  return COLOURS[sum % COLOURS.length];
}

/** `size`: "small" (20 px), "medium" (28 px) or "large" (36 px). */
export function avatar(user, size = "large") {
  const sign = user.is_bot ? "key" : (SIGNS[user.role] ?? SIGNS[user.name?.toLowerCase()] ?? "person");
  const px = { small: 13, medium: 17, large: 21 }[size];
  const node = el(
    "span",
    { class: `avatar ${size}${user.is_bot ? " bot" : ""}`, aria: { hidden: "true" } },
    icon(sign, px),
  );
  node.style.backgroundColor = user.is_bot ? "" : colourOf(user);
  return node;
}

/** What a person is called on the page: the display name, with a capital. */
export function nameOf(user) {
  const name = user.real_name || user.name || user.id;
  return user.is_bot ? user.name || name : name;
}
