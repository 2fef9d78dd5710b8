// Line icons, drawn on a 24 × 24 grid.

const PATHS = {
  hash: "M9 4 7 20M17 4l-2 16M4 9h16M3.5 15h16",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  home: "M4 11l8-7 8 7M6 9.5V20h12V9.5M10 20v-6h4v6",
  key: "M8 11a4 4 0 1 0 .01 8A4 4 0 0 0 8 11zM11 12.5l8.5-8.5M16 7.500l3 3",
  wrench:
    "M14.500 6.500a4 4 0 0 1 5-3l-2.500 2.500 1 2 2 1 2.500-2.500a4 4 0 0 1-5.500 4.800L8.500 20a2.100 2.100 0 0 1-3-3l8.700-8.500a4 4 0 0 1 .3-2z",
  shield:
    "M12 3l7.500 3v5.500c0 4.500-3 7.800-7.500 9.500-4.500-1.700-7.500-5-7.500-9.500V6zM8.500 12l2.500 2.500 4.500-5",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 20.500a2.200 2.200 0 0 0 4 0",
  eye: "M2.500 12C4.500 8 8 6 12 6s7.500 2 9.500 6c-2 4-5.500 6-9.500 6s-7.500-2-9.500-6zM12 9.200a2.800 2.800 0 1 0 .01 5.600A2.800 2.800 0 0 0 12 9.200z",
  person: "M12 4a4 4 0 1 0 .01 8A4 4 0 0 0 12 4zM4.500 20c.5-4 3.500-6 7.500-6s7 2 7.500 6",
  people:
    "M9 5a3.500 3.500 0 1 0 .01 7A3.500 3.500 0 0 0 9 5zM2.500 19c.4-3.500 3-5 6.500-5s6.100 1.500 6.500 5M15.500 5.300a3.500 3.500 0 0 1 0 6.500M18 14.500c2 .6 3.200 2 3.500 4.500",
  send: "M4 5l16.500 7L4 19l2.500-7zM6.500 12H13",
  close: "M6 6l12 12M18 6L6 18",
  menu: "M4 7h16M4 12h16M4 17h16",
  reply: "M5 5h14v10h-8l-4 4v-4H5zM9 10h6",
  back: "M14.500 5.500L8 12l6.500 6.500",
  down: "M6.500 9.500L12 15l5.500-5.500",
  more: "M5.500 12h.01M12 12h.01M18.500 12h.01",
  search: "M10.500 4.500a6 6 0 1 0 .01 12 6 6 0 0 0 0-12zM15 15l5 5",
  check: "M5 12.500l4.500 4.500L19 7.500",
  alert: "M12 4l9 16H3zM12 10v4.500M12 17.200v.1",
  file: "M6 3.500h8l4 4v13H6zM14 3.500v4h4",
  swap: "M4 8h14l-3.500-3.500M20 16H6l3.500 3.500",
};

const SVG = "http://www.w3.org/2000/svg";

/** The icon `name` as an SVG element, hidden from screen readers: its button or label says what it is. */
export function icon(name, size = 18) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? PATHS.person);
  svg.append(path);
  return svg;
}
