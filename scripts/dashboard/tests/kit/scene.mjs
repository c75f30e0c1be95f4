/** One test: its servers and pages, which end with it. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { open } from "./browser.mjs";
import { Program, setting } from "./program.mjs";
import { Redis } from "./redis.mjs";
import { Server } from "./serve.mjs";
import { Smtp } from "./smtp.mjs";

/** @import { Page } from "playwright-core" */

export const TOKEN = "a-token-of-32-characters-or-more";

/** @param {string} name what must be true @param {(scene: Scene) => Promise<void>} run */
export function scene(name, run, { limit = 60_000 } = {}) {
  test(name, { timeout: limit }, async () => {
    const it = new Scene(name);
    try {
      await run(it);
    } catch (error) {
      await it.explain();
      throw error;
    } finally {
      await it.close();
    }
    it.check();
  });
}

export class Scene {
  /** @type {(() => Promise<unknown>)[]} */
  #ends = [];
  /** @type {Awaited<ReturnType<typeof open>>[]} */
  #pages = [];
  /** @type {Program[]} */
  #programs = [];
  /** @type {Redis | undefined} */
  #redis;
  /** @type {Server | undefined} */
  #server;

  /** @param {string} name */
  constructor(name) {
    this.name = name;
  }

  /** What ends the test's things, the last one first. @param {() => Promise<unknown>} end */
  atEnd(end) {
    this.#ends.unshift(end);
  }

  /** An empty folder. */
  async folder() {
    const folder = await mkdtemp(join(tmpdir(), "redispatch-dashboard-"));
    this.atEnd(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  /** The Redis of this test. */
  async redis() {
    if (!this.#redis) {
      const redis = await Redis.start();
      this.atEnd(() => redis.close());
      this.#redis = redis;
    }
    return this.#redis;
  }

  /** The server of this test, with more settings. @param {Record<string, string>} [env] */
  async server(env = {}) {
    if (this.#server) return this.#server;
    const server = new Server(await this.folder(), { REDIS_URL: (await this.redis()).url, ...env });
    this.atEnd(() => server.program.kill());
    await server.started();
    this.#server = server;
    return server;
  }

  /** Runs queuectl until it ends. @param {...string} args */
  async queuectl(...args) {
    const program = new Program(`${setting("REDISPATCH_PROGRAMS")}/queuectl`, args, {
      cwd: await this.folder(),
      env: { REDIS_URL: (await this.redis()).url },
    });
    await program.ended;
    if (program.child.exitCode !== 0) throw new Error(`queuectl ${args[0]}: ${program.tail(5)}`);
  }

  async smtp() {
    const smtp = await Smtp.start();
    this.atEnd(() => smtp.close());
    return smtp;
  }

  /**
   * A worker, ready. Without an SMTP server it discards what it sends.
   *
   * @param {Record<string, string>} [env] @param {Smtp} [smtp]
   */
  async worker(env = {}, smtp = undefined, program = "email-worker") {
    /** @type {Record<string, string>} */
    const transport = smtp
      ? {
          SMTP_HOST: "127.0.0.1",
          SMTP_PORT: `${smtp.port}`,
          SMTP_TLS: "none",
          SMTP_USER: "me",
          SMTP_PASS: "x",
        }
      : { EMAIL_TRANSPORT: "null", SMS_PROVIDER: "null" };
    const common = { LOG_FORMAT: "json", SMTP_FROM: "Shop <shop@example.com>", WORKER_ID: "host-1" };
    const worker = new Program(`${setting("REDISPATCH_PROGRAMS")}/${program}`, [], {
      cwd: await this.folder(),
      env: { REDIS_URL: (await this.redis()).url, ...common, ...transport, ...env },
    });
    this.#programs.push(worker);
    this.atEnd(() => worker.kill());
    await worker.event("worker_ready");
    return worker;
  }

  /**
   * A page of the dashboard in a browser context of its own.
   *
   * @param {string} [hash] @param {import("./browser.mjs").How} [how]
   */
  async page(hash = "#/", how = {}) {
    const server = await this.server();
    const opened = await open(server.url, how);
    this.#pages.push(opened);
    this.atEnd(() => opened.context.close());
    if (server.env.API_TOKEN && !how.signedOut) await this.#signIn(opened.page, server);
    await opened.page.goto(`${server.url}/${hash}`);
    return opened.page;
  }

  /** As the login does, without its form. @param {Page} page @param {Server} server */
  async #signIn(page, server) {
    const response = await page.request.post(`${server.url}/api/v1/session`, {
      data: { token: server.env.API_TOKEN },
    });
    if (!response.ok()) throw new Error(`the login failed: ${response.status()}`);
  }

  /** A console error, failed request or the like that is to come. @param {...RegExp} faults */
  expect(...faults) {
    for (const { expected } of this.#pages) expected.push(...faults);
  }

  /** Keeps what is needed to see why it failed. */
  async explain() {
    const file = this.name.replaceAll(/[^a-z0-9]+/gi, "-").slice(0, 80);
    for (const [at, { page, faults }] of this.#pages.entries()) {
      for (const fault of faults) console.error(`${this.name}: page ${at}: ${fault}`);
      const path = `${setting("REDISPATCH_SCREENSHOTS")}/failed-${file}-${at}.png`;
      await page.screenshot({ path, timeout: 5_000 }).catch(() => {});
    }
    if (this.#server) console.error(`queuectl's log ends:\n${this.#server.program.tail(5)}`);
    for (const program of this.#programs) console.error(`${program.name}'s log ends:\n${program.tail(5)}`);
  }

  async close() {
    for (const end of this.#ends) await end().catch((error) => console.error(error));
  }

  /** Fails where a page had a fault that nobody expected. */
  check() {
    const faults = this.#pages.flatMap(({ faults, expected }) =>
      faults.filter((fault) => !expected.some((it) => it.test(fault))),
    );
    if (faults.length > 0) throw new Error(`the page is not clean:\n  ${faults.join("\n  ")}`);
  }
}
