/** JSON that comes back as it was: numbers of more digits than JavaScript has, and what cannot be seen. */

const exactly = /** @type {{ rawJSON?: (source: string) => unknown }} */ (/** @type {unknown} */ (JSON))
  .rawJSON;

/** @param {string} _key @param {any} value @param {{ source?: string }} [more] */
function revive(_key, value, more) {
  const source = more?.source;
  const changed = typeof value === "number" && source !== undefined && String(value) !== source;
  return changed && exactly ? exactly(source) : value;
}

/**
 * Parsed so that `JSON.stringify` writes every number as it was, where the browser can do that.
 *
 * @param {string} text
 * @returns {any}
 */
export const parse = (text) => JSON.parse(text, revive);

/** To be read and edited: what cannot be seen is escaped. @param {unknown} value */
export const write = (value) =>
  JSON.stringify(value, null, 2).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (it) =>
    it === "\n"
      ? it
      : [...Array(it.length).keys()]
          .map((at) => `\\u${it.charCodeAt(at).toString(16).padStart(4, "0")}`)
          .join(""),
  );
