/** A server that only shows. */

import assert from "node:assert/strict";

import { demo } from "./kit/demo.mjs";
import { scene } from "./kit/scene.mjs";
import { views } from "./kit/views.mjs";

/** What changes something, by its name. */
const CHANGES = /pause|resume|drain|requeue|purge|edit|cancel|reschedule|enqueue|stop/i;

scene("a read-only server shows everything, and no control that would change anything", async (it) => {
  const { server } = await demo(it);
  const all = await views(server);
  await server.program.kill();
  await server.back({ API_READ_ONLY: "yes" });
  const page = await it.page("#/");
  await page.getByText("Read-only").waitFor();
  for (const [name, hash] of all) {
    await page.goto(`${server.url}/${hash}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByText("Looking…").first().waitFor({ state: "detached" });
    for (const role of /** @type {const} */ (["button", "link"])) {
      const controls = page.getByRole(role, { name: CHANGES });
      // a dead letter's own link says what its page is for
      const names = (await controls.allInnerTexts()).filter((text) => !text.startsWith("Its dead letter"));
      assert.deepEqual(names, [], `${name}: ${role}`);
    }
  }
  await page.goto(`${server.url}/#/enqueue`);
  await page.getByText("This server is read-only").waitFor();
  it.expect(/status of 403/);
  const refused = await page.evaluate(async () => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    return (await fetch("/api/v1/queues/email/pause", init)).status;
  });
  assert.equal(refused, 403);
});
