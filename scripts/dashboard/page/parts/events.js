/**
 * Server-sent events over fetch: unlike EventSource it tells why a stream was refused, and notices a wire that is dead
 * by the comments that do not come.
 */

const SILENCE_MS = 15_000;
const AGAIN_MS = [0, 1_000, 2_000, 4_000];

/**
 * @typedef {object} Heard
 * @property {(event: string, data: string) => void} event
 * @property {() => void} lost the stream broke, or cannot be had; it is tried again
 * @property {() => void} refused nobody is signed in; it is not tried again
 */

/**
 * Listens until the function that it gives is called.
 *
 * @param {string} url
 * @param {Heard} heard
 * @returns {() => void}
 */
export function listen(url, heard) {
  const stop = new AbortController();
  void (async () => {
    let failures = 0;
    while (!stop.signal.aborted) {
      const began = Date.now();
      const { status, wait } = await once(url, heard, stop.signal);
      if (stop.signal.aborted) return;
      if (status === 401) return heard.refused();
      // One that ran for a while and ended was ended by the server in good order.
      failures = status === 200 && Date.now() - began > 2_000 ? 0 : failures + 1;
      if (failures > 0) heard.lost();
      await pause(wait ?? AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)], stop.signal);
    }
  })();
  return () => stop.abort();
}

/** @param {string} url @param {Heard} heard @param {AbortSignal} stop @returns {Promise<{ status: number, wait?: number }>} */
async function once(url, heard, stop) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await fetch(url, {
      headers: { accept: "text/event-stream" },
      cache: "no-store",
      signal: AbortSignal.any([stop, silence.signal]),
    });
    if (!response.ok || !response.body) {
      const wait = Number(response.headers.get("retry-after"));
      return { status: response.status, wait: wait > 0 ? wait * 1000 : undefined };
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parse = parser(heard.event);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { status: 200 };
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      parse(value);
    }
  } catch {
    return { status: 0 };
  } finally {
    clearTimeout(timer);
  }
}

/** @param {Heard["event"]} event @returns {(chunk: string) => void} */
function parser(event) {
  let rest = "";
  let name = "";
  /** @type {string[]} */
  let data = [];
  return (chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) event(name || "message", data.join("\n"));
        name = "";
        data = [];
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") name = value;
      if (field === "data") data.push(value);
    }
  };
}

/** @param {number} ms @param {AbortSignal} stop @returns {Promise<void>} */
function pause(ms, stop) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
