// Slack's times: "1700000000.000100" (seconds since 1970, UTC, and a counter). People see their own time zone.

const timeOf = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const timeSecondsOf = new Intl.DateTimeFormat(undefined, {
  hour: "numeric",
  minute: "2-digit",
  second: "2-digit",
});
const fullOf = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const DAY_MS = 86_400_000;

export const dateOfTs = (ts) => new Date(Number(ts) * 1000);

/** Sorts ts strings as times, without the rounding a number of 16 digits would suffer. */
export function compareTs(a, b) {
  return a.length - b.length || (a < b ? -1 : Number(a > b));
}

export const timeText = (ts) => timeOf.format(dateOfTs(ts));
export const fullText = (ts) => fullOf.format(dateOfTs(ts));

/** A day's own key, in the local time zone. */
export function dayKey(ts) {
  const date = dateOfTs(ts);
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

/** -1 yesterday, 0 today, 1 tomorrow; by the calendar, not by 24 hours. */
function daysFromToday(date) {
  const midnight = (day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  return Math.round((midnight(date) - midnight(new Date())) / DAY_MS);
}

const NEAR = new Map([
  [-1, "yesterday"],
  [0, "today"],
  [1, "tomorrow"],
]);

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function ordinal(day) {
  const teens = day % 100 >= 11 && day % 100 <= 13;
  return `${day}${teens ? "th" : (["th", "st", "nd", "rd"][day % 10] ?? "th")}`;
}

/** The text of a day separator: "Today", "Yesterday", "Monday, January 5th". */
export function dayText(ts) {
  return formatDate(dateOfTs(ts), "{day_divider_pretty}");
}

/** "3 minutes ago", for the last reply of a thread. */
export function agoText(date) {
  const seconds = (Date.now() - date.getTime()) / 1000;
  const steps = [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ];
  for (const [unit, length] of steps) {
    const count = Math.floor(Math.abs(seconds) / length);
    if (count >= 1) {
      const amount = `${count} ${unit}${count === 1 ? "" : "s"}`;
      return seconds < 0 ? `in ${amount}` : `${amount} ago`;
    }
  }
  return seconds < -1 ? "in a moment" : "just now";
}

function parts(date) {
  const month = date.toLocaleDateString("en", { month: "long" });
  const short = date.toLocaleDateString("en", { month: "short" });
  return {
    month,
    short,
    weekday: date.toLocaleDateString("en", { weekday: "long" }),
    day: date.getDate(),
    year: date.getFullYear(),
  };
}

function pad(number) {
  return String(number).padStart(2, "0");
}

const TOKENS = {
  date_num: (d) => `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`,
  date_slash: (d) => `${pad(d.getDate())}/${pad(d.getMonth() + 1)}/${d.getFullYear()}`,
  date: (d, p) => `${p.month} ${ordinal(p.day)}`,
  date_long_full: (d, p) => `${p.month} ${p.day}, ${p.year}`,
  date_short: (d, p) => `${p.short} ${p.day}, ${p.year}`,
  date_long: (d, p) => `${p.weekday}, ${p.month} ${ordinal(p.day)}, ${p.year}`,
  time: (d) => timeOf.format(d),
  time_secs: (d) => timeSecondsOf.format(d),
  ago: (d) => agoText(d),
  day_divider_pretty: (d, p) =>
    `${p.weekday}, ${p.month} ${ordinal(p.day)}${p.year === new Date().getFullYear() ? "" : `, ${p.year}`}`,
};

/**
 * Fills Slack's date tokens ("{date_short_pretty} at {time}") for one Date; the `_pretty` ones say today or
 * yesterday where they can. An unknown token stays as it is written. (Slack: formatting dates in messages.)
 */
export function formatDate(date, format) {
  const known = parts(date);
  const near = NEAR.get(daysFromToday(date));
  return format.replace(/\{(\w+)\}/g, (whole, token, offset) => {
    const pretty = token.endsWith("_pretty");
    if (pretty && near) return offset === 0 ? capital(near) : near;
    const render = TOKENS[token] ?? (pretty ? TOKENS[token.slice(0, -"_pretty".length)] : undefined);
    return render ? render(date, known) : whole;
  });
}
