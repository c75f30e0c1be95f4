/** The overview as it comes: through a worker that all tabs of this browser share, or by a stream of this tab's own. */

import { address } from "./api.js";
import { listen } from "./parts/events.js";

/** @import { Overview } from "./types.js" */
/** @typedef {{ kind: "overview", overview: Overview } | { kind: "lost" } | { kind: "refused" }} Said */

/**
 * Calls `heard` from now on. A page that is put away lets go of the stream, and takes it up again when it is back.
 *
 * @param {(said: Said) => void} heard
 * @returns {{ start(): void, stop(): void }}
 */
export function stream(heard) {
  const source = shared(heard) ?? own(heard);
  let wanted = false;
  addEventListener("pagehide", () => source.stop());
  addEventListener("pageshow", (event) => {
    if (event.persisted && wanted) source.start();
  });
  return {
    start() {
      wanted = true;
      source.start();
    },
    stop() {
      wanted = false;
      source.stop();
    },
  };
}

/** @param {(said: Said) => void} heard */
function shared(heard) {
  if (typeof SharedWorker === "undefined") return null;
  const worker = new SharedWorker(new URL("./stream-worker.js", import.meta.url), {
    type: "module",
    name: "redispatch",
  });
  let inner = own(heard);
  let broken = false;
  let started = false;
  worker.onerror = () => {
    broken = true;
    if (started) inner.start();
  };
  worker.port.onmessage = ({ data }) => heard(data);
  return {
    start() {
      started = true;
      if (broken) inner.start();
      else worker.port.postMessage("hello");
    },
    stop() {
      started = false;
      inner.stop();
      worker.port.postMessage("bye");
    },
  };
}

/** @param {(said: Said) => void} heard */
function own(heard) {
  /** @type {(() => void) | null} */
  let stop = null;
  return {
    start() {
      stop ??= listen(address("/api/v1/events"), {
        event(event, data) {
          if (event === "overview") heard({ kind: "overview", overview: JSON.parse(data) });
        },
        lost: () => heard({ kind: "lost" }),
        refused() {
          stop = null;
          heard({ kind: "refused" });
        },
      });
    },
    stop() {
      stop?.();
      stop = null;
    },
  };
}
