// Building the page from values. Nothing here, or in any module that uses it, parses text as HTML:
// text becomes text nodes, so what a bot or a person wrote cannot become an element.

/**
 * Makes an element. `props` are DOM properties, except `data` (data-*), `aria` (aria-*), `class`, `role`,
 * `on` (listeners by event name) and `attr` (anything else that has no property). null children are left out.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  const { class: className, role, data = {}, aria = {}, on = {}, attr = {}, ...rest } = props;
  if (className) node.className = className;
  if (role) node.setAttribute("role", role);
  for (const [name, value] of Object.entries(data))
    if (value !== undefined && value !== null) node.dataset[name] = value;
  for (const [name, value] of Object.entries(aria)) setAttribute(node, `aria-${name}`, value);
  for (const [name, value] of Object.entries(attr)) setAttribute(node, name, value);
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) node[name] = value;
  append(node, children);
  return node;
}

function setAttribute(node, name, value) {
  if (value !== undefined && value !== null) node.setAttribute(name, String(value));
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
}

export function fragment(...children) {
  const node = document.createDocumentFragment();
  append(node, children);
  return node;
}

/** Replaces what `node` holds. */
export function fill(node, ...children) {
  node.replaceChildren(fragment(...children));
}

let lastId = 0;

/** An id that no other element of this page has, for aria references. */
export function uid(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** The address if a link may carry it (http, https, mailto), else null: `javascript:` and `data:` never pass. */
export function safeHref(address) {
  let url;
  try {
    url = new URL(String(address), location.href);
  } catch {
    return null;
  }
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** A link that opens elsewhere; where the address may not be one, just what it would have shown. */
export function link(address, ...children) {
  // A relative address in a message would point into this page's own server.
  const href = /^(https?:|mailto:)/i.test(String(address)) ? safeHref(address) : null;
  if (!href) return fragment(...children);
  return el("a", { href, target: "_blank", rel: "noopener noreferrer", class: "link" }, ...children);
}

/** Opens an address of a button or menu in a tab of its own, if it is one that may be opened. */
export function openAside(address) {
  if (/^https?:/i.test(String(address ?? "")) && safeHref(address))
    window.open(safeHref(address), "_blank", "noopener,noreferrer");
}

/** Whether the page is laid out for a phone; the same width as in layout.css. */
export const isPhone = () => matchMedia("(max-width: 720px)").matches;

/** What the browser remembers for this page; a browser that forbids it just forgets. */
export const memory = {
  get(key) {
    try {
      return localStorage.getItem(`workspace:${key}`);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`workspace:${key}`, value);
    } catch {
      // Storage is switched off: nothing to keep it in.
    }
  },
};
