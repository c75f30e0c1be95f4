/** One stream for all tabs of a browser. A tab says `hello` and `bye`; without tabs there is no stream. */

import { listen } from "./parts/events.js";

/** @import { Said } from "./stream.js" */

/** @type {Set<MessagePort>} */
const tabs = new Set();
/** @type {(() => void) | null} */
let stop = null;
/** @type {Said | null} */
let last = null;
let lost = false;

/** @param {Said} said */
function tell(said) {
  for (const tab of tabs) tab.postMessage(said);
}

function start() {
  const url = new URL("../api/v1/events", import.meta.url).href;
  lost = false;
  stop = listen(url, {
    event(event, data) {
      if (event !== "overview") return;
      last = { kind: "overview", overview: JSON.parse(data) };
      lost = false;
      tell(last);
    },
    lost() {
      lost = true;
      tell({ kind: "lost" });
    },
    refused() {
      stop = null;
      last = null;
      tell({ kind: "refused" });
    },
  });
}

self.addEventListener("connect", (event) => {
  const tab = /** @type {MessageEvent} */ (event).ports[0];
  tab.onmessage = ({ data }) => {
    if (data === "hello") {
      tabs.add(tab);
      if (last) tab.postMessage(last);
      if (lost) tab.postMessage({ kind: "lost" });
      if (!stop) start();
    } else {
      tabs.delete(tab);
      if (tabs.size > 0) return;
      stop?.();
      stop = null;
      last = null;
    }
  };
});
