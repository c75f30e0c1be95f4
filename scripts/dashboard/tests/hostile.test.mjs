/** Messages that want to do harm: nothing of them runs, loads or breaks out. */

import assert from "node:assert/strict";

import { list } from "./kit/letters.mjs";
import { dead, mail } from "./kit/messages.mjs";
import { scene } from "./kit/scene.mjs";

/** @import { Page } from "playwright-core" */

const RUN = "window.ran = true; alert(1)";
const SCRIPT = `<script>${RUN}</script><img src=x onerror="${RUN}"><svg onload="${RUN}">"'\`</bdi></td></table>`;
// right to left override, isolates, a null, a bell, no width at all
const BIDI = "\u202egnp.exe\u2066\u2069\u0000\u0007\u200b end";
const HTML = `<h1>Hello</h1><script>parent.${RUN}</script><img src="http://tracker.example.com/pixel.png">
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" onload="${RUN}"><iframe src="http://evil.example.com/"></iframe>
<style>body { background: url(http://tracker.example.com/style.png) }</style><link rel=stylesheet href="http://evil.example.com/a.css">
<meta http-equiv="refresh" content="0;url=http://evil.example.com/"><a href="javascript:${RUN}">press</a>
<form action="http://evil.example.com/"><input name=q><button>send</button></form><base href="http://evil.example.com/">`;
const NASTY = {
  id: "order-1",
  to: "anna@example.com",
  subject: SCRIPT + BIDI,
  body: SCRIPT + BIDI,
  html: HTML,
  metadata: { [SCRIPT]: SCRIPT },
};
const WHY = {
  error: `550 ${SCRIPT}${BIDI}`,
  reason: SCRIPT.slice(0, 60),
  provider: "<b>smtp</b>",
  code: "<i>550",
};

/** Fails where a part of a message has become a part of the page. @param {Page} page */
async function assertWhole(page) {
  const found = await page.evaluate(() => ({
    ran: "ran" in window,
    elements: document.querySelectorAll(
      "main script, main svg[onload], main img, main [onerror], main b, main bdi i",
    ).length,
    broken: document.querySelectorAll("main table:not(.scroll table, .u-legend)").length,
  }));
  assert.deepEqual(found, { ran: false, elements: 0, broken: 0 });
  const text = await page.locator("body").innerText();
  assert.doesNotMatch(
    text,
    /[\u202a-\u202e\u2066-\u2069\u200b\0\x07]/,
    "what cannot be seen is made visible",
  );
}

scene("scripts and bidi controls in a dead letter are shown as text, wherever it is shown", async (it) => {
  const redis = await it.redis();
  const server = await it.server();
  await redis.send("LPUSH", "queue:email:dead_letter", dead(NASTY, WHY));
  const page = await it.page("#/queues/email/dead");
  await list(page)
    .getByText(/<script>/)
    .first()
    .waitFor();
  await page
    .getByRole("table", { name: "By reason" })
    .getByText(/<script>/)
    .first()
    .waitFor();
  await list(page)
    .getByText(/⟨U\+202E⟩gnp\.exe/)
    .first()
    .waitFor();
  await assertWhole(page);

  await list(page).getByRole("link", { name: "order-1" }).click();
  await page
    .getByLabel("Text of the message")
    .getByText(/<script>.*⟨U\+202E⟩gnp\.exe/s)
    .waitFor();
  await page.getByText("Source", { exact: true }).click();
  await assertWhole(page);

  await page.goto(`${server.url}/#/search?q=order-1`);
  await page
    .getByRole("table", { name: "Messages found" })
    .getByText(/<script>/)
    .waitFor();
  await assertWhole(page);
});

scene("HTML mail is looked at in a frame that runs nothing and loads nothing", async (it) => {
  const redis = await it.redis();
  await redis.send("LPUSH", "queue:email:dead_letter", dead(NASTY, WHY));
  const page = await it.page("#/queues/email/dead");
  await list(page).getByRole("link", { name: "order-1" }).click();
  const frame = page.getByTitle("HTML of the message");
  assert.equal(await frame.getAttribute("sandbox"), "");
  const inside = frame.contentFrame();
  await inside.getByRole("heading", { name: "Hello" }).waitFor();
  assert.equal(
    await inside.locator("script, iframe, link, meta, form, base, [onload], [href^=javascript]").count(),
    0,
  );
  const policy = await page.evaluate(async () => {
    const { src } = /** @type {HTMLIFrameElement} */ (document.querySelector("iframe"));
    return (await fetch(src)).headers.get("content-security-policy");
  });
  assert.match(policy ?? "", /sandbox/);
  assert.match(policy ?? "", /default-src 'none'/);
  await assertWhole(page);
});

scene("the same of a message that waits, and of what somebody wrote when pausing", async (it) => {
  const redis = await it.redis();
  await redis.send("LPUSH", "queue:email:pending", mail(NASTY), SCRIPT, "\xff\xfe");
  await it.queuectl("pause", "--queue", "email", "--note", SCRIPT + BIDI.replace("\u0000", ""));
  const page = await it.page("#/queues/email/waiting");
  const { url } = await it.server();
  const table = page.getByRole("table", { name: "Waiting messages" });
  await table
    .getByText(/<script>/)
    .first()
    .waitFor();
  await page
    .getByRole("alert")
    .getByText(/<script>/)
    .first()
    .waitFor();
  await assertWhole(page);
  // nothing is known of one that was pushed by hand before its first claim
  it.expect(/status of 404 .*\/messages\/email\/order-1\)/);
  for (const hash of ["#/", "#/queues/email", "#/workers", "#/messages/email/order-1"]) {
    await page.goto(`${url}/${hash}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page
      .getByRole("alert")
      .getByText(/<script>/)
      .first()
      .waitFor();
    await assertWhole(page);
  }
});

scene("an address that wants to do harm is only a name", async (it) => {
  const page = await it.page(`#/queues/${encodeURIComponent(SCRIPT)}`, { expected: [/status of 40[04]/] });
  await page.getByRole("heading", { level: 1, name: /<script>/ }).waitFor();
  await assertWhole(page);
  await page.goto(`${(await it.server()).url}/#/search?q=${encodeURIComponent(SCRIPT)}`);
  await page.getByRole("status").getByText("Nothing was found").waitFor();
  await assertWhole(page);
});
