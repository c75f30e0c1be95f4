/** A Redis of the test's own, that can go away and come back. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClient } from "@redis/client";

import { Program, setting } from "./program.mjs";

export class Redis {
  /** @type {Program | null} */
  #program = null;

  /** @param {string} folder @param {number} port */
  constructor(folder, port) {
    this.folder = folder;
    this.port = port;
    this.url = `redis://127.0.0.1:${port}/0`;
    this.client = createClient({ url: this.url, socket: { reconnectStrategy: 20 } });
    this.client.on("error", () => {
      // It goes away when a test wants it to.
    });
  }

  /** On a free port of the loopback, with an append-only file. */
  static async start() {
    const folder = await mkdtemp(join(tmpdir(), "redispatch-redis-"));
    for (let attempt = 0; attempt < 20; attempt++) {
      // below the ports the kernel gives to outgoing connections
      const redis = new Redis(folder, 12_000 + Math.floor(Math.random() * 20_000));
      if (await redis.back()) {
        await redis.client.connect();
        return redis;
      }
    }
    throw new Error("no free port for Redis");
  }

  /** Starts it, on its port; false where that is taken. */
  async back() {
    const args = ["--port", `${this.port}`, "--bind", "127.0.0.1", "--dir", this.folder, "--save", ""];
    const program = new Program(setting("REDISPATCH_TEST_REDIS"), [...args, "--appendonly", "yes"], {
      cwd: this.folder,
    });
    const state = await program.line("a start", (line) =>
      line.includes("Ready to accept connections")
        ? "ready"
        : line.includes("Address already in use") && "taken",
    );
    if (state === "taken") await program.ended;
    else this.#program = program;
    return state === "ready";
  }

  /** Kills it; what it has acknowledged is in its file. */
  async away() {
    await this.#program?.kill();
  }

  /** @param {...string} words @returns {Promise<any>} */
  send(...words) {
    return this.client.sendCommand(words);
  }

  /** How many commands it has been asked, by name. @returns {Promise<Map<string, number>>} */
  async asked() {
    const counts = new Map();
    for (const [, name, calls] of String(await this.send("INFO", "commandstats")).matchAll(
      /^cmdstat_([^:]+):calls=(\d+)/gm,
    )) {
      counts.set(name, Number(calls));
    }
    return counts;
  }

  async close() {
    this.client.destroy();
    await this.away();
    await rm(this.folder, { recursive: true, force: true });
  }
}
