/** Who may use the dashboard. */

import assert from "node:assert/strict";

import { TOKEN, scene } from "./kit/scene.mjs";

/** @import { Page } from "playwright-core" */

const UNAUTHORIZED = /status of 401/;

/** @param {Page} page @param {string} token */
async function signIn(page, token) {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** What only those see who are signed in. @param {Page} page */
const inside = (page) => page.getByRole("navigation", { name: "Sections" });

/**
 * Asks for a change as a script of the page would.
 *
 * @param {Page} page @param {Record<string, string>} headers
 */
const pause = (page, headers) =>
  page.evaluate(async (headers) => {
    const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, body: "{}" };
    const response = await fetch("/api/v1/queues/email/pause", init);
    return [response.status, (await response.json()).error?.code];
  }, headers);

scene("the token opens the page, and its cookie is out of reach of scripts and other sites", async (it) => {
  await it.server({ API_TOKEN: TOKEN });
  const page = await it.page("#/", { signedOut: true });
  assert.equal(await inside(page).count(), 0);
  await signIn(page, TOKEN);
  await inside(page).waitFor();
  const [cookie, ...others] = await page.context().cookies();
  assert.equal(others.length, 0);
  assert.deepEqual(
    [cookie.name, cookie.httpOnly, cookie.sameSite, cookie.path],
    ["redispatch_session", true, "Strict", "/"],
  );
  assert.ok(!cookie.value.includes(TOKEN));
  const kept = await page.evaluate(
    () => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage }),
  );
  assert.ok(!kept.includes(TOKEN) && !kept.includes(cookie.value), kept);
  await page.reload();
  await inside(page).waitFor();
});

scene("a wrong token is told, and after a few nobody may try for a while", async (it) => {
  await it.server({ API_TOKEN: TOKEN });
  const page = await it.page("#/", { signedOut: true, expected: [UNAUTHORIZED, /status of 429/] });
  await signIn(page, "wrong");
  const alert = page.getByRole("alert").filter({ hasText: "not the token" });
  await alert.waitFor();
  assert.equal(await inside(page).count(), 0);
  const last = page.getByRole("alert").filter({ hasText: /Too many wrong tokens\. Try again in \d+ s/ });
  for (let tries = 1; tries < 8 && !(await last.isVisible()); tries++) {
    const answer = page.waitForResponse((response) => response.request().method() === "POST");
    await signIn(page, `wrong ${tries}`);
    await (await answer).finished();
    await page.getByRole("button", { name: "Sign in", disabled: false }).waitFor();
  }
  await last.waitFor();
  await signIn(page, TOKEN);
  await last.waitFor();
  assert.equal(await inside(page).count(), 0);
});

scene("signing out ends the session", async (it) => {
  await it.server({ API_TOKEN: TOKEN });
  const page = await it.page("#/workers");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").waitFor();
  assert.deepEqual(await page.context().cookies(), []);
  assert.equal(await inside(page).count(), 0);
  await page.reload();
  await page.getByLabel("Token").waitFor();
  await signIn(page, TOKEN);
  await inside(page).waitFor();
});

scene("a session that has ended brings the login by itself, and the place is kept", async (it) => {
  const server = await it.server({ API_TOKEN: TOKEN });
  const page = await it.page("#/workers");
  await page.getByRole("heading", { level: 1, name: "Workers" }).waitFor();
  it.expect(UNAUTHORIZED, /ERR_/);
  await server.program.kill();
  await server.back({ API_TOKEN: "another-token-of-32-characters-o" });
  await page.getByLabel("Token").waitFor();
  await signIn(page, "another-token-of-32-characters-o");
  await page.getByRole("heading", { level: 1, name: "Workers" }).waitFor();
});

scene("a change without the page's own word is refused", async (it) => {
  await it.server({ API_TOKEN: TOKEN });
  const page = await it.page("#/");
  await inside(page).waitFor();
  it.expect(/status of 403/);
  assert.deepEqual(await pause(page, {}), [403, "csrf"]);
  assert.deepEqual(await pause(page, { "x-csrf-token": "0".repeat(64) }), [403, "csrf"]);
  const { csrf } = await page.evaluate(async () => (await fetch("/api/v1/session")).json());
  assert.deepEqual(await pause(page, { "x-csrf-token": csrf }), [200, undefined]);
});

scene("without a token there is no login, and none to sign out of", async (it) => {
  const page = await it.page("#/");
  await inside(page).waitFor();
  assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0);
});

scene("the policy lets nothing in but the page's own parts, and nothing else is asked for", async (it) => {
  const server = await it.server();
  const response = await fetch(server.url);
  const policy = response.headers.get("content-security-policy") ?? "";
  const parts = new Map(
    policy.split(";").map((part) => {
      const [name, ...sources] = part.trim().split(" ");
      return [name, sources.join(" ")];
    }),
  );
  assert.equal(parts.get("default-src"), "'none'");
  for (const [name, sources] of parts) {
    assert.match(sources, name === "img-src" ? /^'self' data:$/ : /^'(none|self)'$/, name);
  }
  for (const name of ["script-src", "style-src", "frame-ancestors", "base-uri", "form-action"]) {
    assert.ok(parts.has(name), name);
  }
  const page = await it.page("#/");
  await inside(page).waitFor();
  it.expect(/Content Security Policy/);
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'ran'";
    document.body.append(script);
    return document.title === "ran";
  });
  assert.equal(ran, false);
});
