/** Numbers, times and texts as people read them. English; times in the viewer's zone. */

const plain = new Intl.NumberFormat("en");
const rates = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const percents = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 2 });

/** @param {Intl.DateTimeFormatOptions} options */
const times = (options) => new Intl.DateTimeFormat("en-GB", { hourCycle: "h23", ...options });
const clock = times({ hour: "2-digit", minute: "2-digit" });
const clockSeconds = times({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = times({ day: "numeric", month: "short" });
const dayYear = times({ day: "numeric", month: "short", year: "numeric" });
const whole = times({ dateStyle: "full", timeStyle: "long" });

export const UNKNOWN = "–";
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** `1,204`. @param {number | null | undefined} n */
export const number = (n) => (n == null ? UNKNOWN : plain.format(n));

/** Per second: `0.4`, `12.3`, `1,200`. @param {number | null | undefined} n */
export const rate = (n) => (n == null ? UNKNOWN : n > 0 && n < 0.01 ? "<0.01" : rates.format(n));

/** `1.2%` of 0.012. @param {number | null | undefined} n */
export const percent = (n) => (n == null ? UNKNOWN : n > 0 && n < 0.0001 ? "<0.01%" : percents.format(n));

/** `1 message`, `1,204 messages`. @param {number} n @param {string} one @param {string} [many] */
export const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

/** How long, in its two largest units: `3 min 4 s`. @param {number | null | undefined} ms */
export function age(ms) {
  if (ms == null) return UNKNOWN;
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s === 0 && ms > 0) return "<1 s";
  /** @type {[number, string][]} */
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([size]) => s >= size);
  if (first < 0) return "0 s";
  const two = units.slice(first, first + 2).map(([size, name], at) => {
    const n = Math.floor((at === 0 ? s : s % units[first][0]) / size);
    return n === 0 && at > 0 ? "" : `${number(n)} ${name}`;
  });
  return two.join(" ").trim();
}

/** `3 min 4 s ago`; `in 3 min` of what is to come. @param {number | null | undefined} ms @param {number} now */
export function ago(ms, now) {
  if (ms == null) return UNKNOWN;
  if (Math.abs(now - ms) < 1000) return "now";
  return ms <= now ? `${age(now - ms)} ago` : `in ${age(ms - now)}`;
}

/** Within it a time of day tells the day. */
const HALF_DAY_MS = 43_200_000;

/** @param {Date} a @param {Date} b */
const sameDay = (a, b) => a.toDateString() === b.toDateString();

/**
 * When, in the viewer's zone: `12:03` of today and of the hours around it, else with its date.
 *
 * @param {number | null | undefined} ms
 * @param {{ seconds?: boolean }} [how]
 */
export function when(ms, { seconds = false } = {}) {
  if (ms == null) return UNKNOWN;
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) return UNKNOWN;
  const time = (seconds ? clockSeconds : clock).format(at);
  const today = new Date();
  if (sameDay(at, today) || Math.abs(today.getTime() - at.getTime()) < HALF_DAY_MS) return time;
  const date = at.getFullYear() === today.getFullYear() ? day : dayYear;
  return `${date.format(at)}, ${time}`;
}

/** With day, seconds and zone, for those who ask. @param {number | null | undefined} ms */
export function whenExactly(ms) {
  const at = new Date(ms ?? NaN);
  return Number.isNaN(at.getTime()) ? UNKNOWN : whole.format(at);
}

/** `1.2 KiB`. @param {number | null | undefined} n */
export function bytes(n) {
  if (n == null) return UNKNOWN;
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return unit === 0 ? count(n, "byte") : `${rates.format(n)} ${units[unit]}`;
}

// Controls, bidi marks and overrides, what has no width, halves of pairs: all that makes a text look like another.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const ENDS_IN_PICTURE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]$/u;

/** A text with what cannot be seen made visible: `a⟨U+202E⟩b`. Tabs and line ends stay. @param {unknown} text */
export const shown = (text) =>
  String(text ?? "").replace(HIDDEN, (it, /** @type {number} */ at, /** @type {string} */ all) => {
    const harmless =
      it === "\n" ||
      it === "\t" ||
      (it === "\r" && all[at + 1] === "\n") ||
      (it === "\u200d" && ENDS_IN_PICTURE.test(all.slice(Math.max(0, at - 2), at)));
    return harmless ? it : `⟨U+${(it.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
