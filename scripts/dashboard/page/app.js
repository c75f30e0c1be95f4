/** Boot, login gate, navigation, redraw. */

import { html, nothing, render } from "./vendor/lit-html/lit-html.js";
import { ApiError, change, onSignedOut, read, use } from "./api.js";
import { closeAll } from "./parts/dialog.js";
import { header, footer } from "./parts/frame.js";
import { banner } from "./parts/banner.js";
import { timeAt } from "./parts/time.js";
import { say } from "./parts/toast.js";
import { find } from "./router.js";
import { stream } from "./stream.js";
import { login } from "./views/login.js";
import { missing, unloaded } from "./views/missing.js";

/** @import { Context, Overview, Session, View } from "./types.js" */

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
const gate = /** @type {HTMLElement} */ (document.getElementById("login"));

/** @type {Session | null} */
let session = null;
/** @type {Overview | null} */
let overview = null;
/** @type {number | null} since when the stream is lost */
let lost = null;
/** Ms that Redis's clock is ahead of this one's. @type {number | null} */
let ahead = null;

/** @type {View | null} */
let view = null;
let viewRoot = document.createElement("div");
let shownPath = "";
let section = "";

const fresh = () => lost === null && overview?.redis.up === true;
const now = () => {
  if (!overview || ahead === null) return Date.now();
  return fresh() ? Math.max(Date.now() + ahead, overview.at) : overview.at;
};

let due = false;
function redraw() {
  if (due) return;
  due = true;
  // A tab that nobody sees gets no frame, and draws nothing.
  requestAnimationFrame(() => {
    due = false;
    draw();
  });
}

function draw() {
  const signedIn = session?.signed_in === true;
  app.hidden = !signedIn;
  gate.hidden = signedIn;
  if (!session) return;
  if (!signedIn) {
    const asked = gate.querySelector("form") !== null;
    document.title = "Sign in · redispatch";
    render(login(signIn, redraw), gate);
    if (!asked) /** @type {HTMLElement | null} */ (gate.querySelector("[name=token]"))?.focus();
    return;
  }
  render(html``, gate);
  const stale = overview && !fresh() ? overview : null;
  render(
    html`${header({ session, overview, section, signOut })} ${banner({ overview, lost, now: now(), session })}
      <main id="main" tabindex="-1" class=${stale ? "stale" : ""}>
        ${stale ? asOf(stale) : nothing}${viewRoot}
      </main>
      ${footer({ session })}`,
    app,
  );
  if (view) drawView(view);
}

/** @param {Overview} overview */
const asOf = ({ at }) => html`<p class="asof">Numbers as of ${timeAt(at, { seconds: true })}</p>`;

/** @param {View} view */
function drawView(view) {
  try {
    render(view.draw(), viewRoot);
    document.title = `${view.title} · redispatch`;
  } catch (error) {
    console.error(error);
    render(unloaded(), viewRoot);
  }
}

/** Shows what the address names. Its heading gets the focus, unless only the query is another. */
function navigate() {
  if (!session?.signed_in) return redraw();
  const place = find(location.hash);
  const moved = shownPath !== "" && place?.path !== shownPath;
  view?.close?.();
  view = place ? place.module.open(context(place.params, place.query)) : missing();
  section = place?.section ?? "";
  if (place?.path !== shownPath) viewRoot = document.createElement("div");
  viewRoot.className = "view";
  shownPath = place?.path ?? "?";
  draw();
  if (!moved) return;
  scrollTo(0, 0);
  const heading = viewRoot.querySelector("h1") ?? document.getElementById("main");
  if (heading instanceof HTMLElement) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
}

/** @param {Record<string, string>} params @param {URLSearchParams} query @returns {Context} */
function context(params, query) {
  return {
    params,
    query,
    session: /** @type {Session} */ (session),
    overview: () => overview,
    fresh,
    now,
    redraw,
    go: (hash) => {
      location.hash = hash;
    },
  };
}

const live = stream((said) => {
  if (said.kind === "refused") return signedOut();
  if (said.kind === "lost") {
    lost ??= Date.now();
    return redraw();
  }
  // The least delayed of all answers tells the most of the clock.
  const seen = said.overview.at - Date.now();
  ahead = lost !== null || ahead === null ? seen : Math.max(ahead, seen);
  overview = said.overview;
  lost = null;
  // Another tab has signed in.
  if (!session?.signed_in) void boot();
  view?.live?.(overview);
  redraw();
});

function signedOut() {
  if (!session?.signed_in) return;
  session = { ...session, signed_in: false, csrf: null };
  closeAll();
  // This tab stays with the stream: it hears when another tab signs in.
  draw();
}

/** @param {Session} next */
function enter(next) {
  const first = view === null;
  session = next;
  use(next);
  if (!next.signed_in) return draw();
  live.start();
  if (first) navigate();
  else draw();
}

/** @param {string} token */
async function signIn(token) {
  enter(await change("POST", "/api/v1/session", { token }));
}

async function signOut() {
  try {
    enter(await change("DELETE", "/api/v1/session"));
    live.stop();
    view?.close?.();
    view = null;
    overview = null;
    shownPath = "";
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "bad");
  }
}

let booting = false;

async function boot() {
  if (booting) return;
  booting = true;
  for (let wait = 500; ; wait = Math.min(wait * 2, 5_000)) {
    try {
      const next = await read("/api/v1/session", { fresh: true });
      booting = false;
      return enter(next);
    } catch (error) {
      const text =
        error instanceof ApiError && error.status > 0
          ? error.message
          : "This server does not answer; trying again";
      render(html`<p class="away" role="alert">${text}</p>`, gate);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

onSignedOut(signedOut);
addEventListener("hashchange", navigate);
document.getElementById("skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main")?.focus();
});
// Ages count on by themselves.
setInterval(() => {
  if (!document.hidden) redraw();
}, 1_000);
void boot();
