/** A running `queuectl serve`. */

import { Program, setting } from "./program.mjs";

export class Server {
  /** @type {Program} */
  program;
  url = "";

  /** @param {string} cwd @param {Record<string, string>} env */
  constructor(cwd, env) {
    this.cwd = cwd;
    this.env = env;
    this.program = this.#run("127.0.0.1:0");
  }

  /** @param {string} address */
  #run(address) {
    return new Program(`${setting("REDISPATCH_PROGRAMS")}/queuectl`, ["serve"], {
      cwd: this.cwd,
      env: { API_ADDR: address, LOG_FORMAT: "json", ...this.env },
    });
  }

  async started() {
    const { addr } = await this.program.event("api_started");
    this.url = `http://${addr}`;
  }

  /** Starts it on the address it had, with more settings. @param {Record<string, string>} [env] */
  async back(env = {}) {
    Object.assign(this.env, env);
    this.program = this.#run(new URL(this.url).host);
    await this.started();
  }

  /** @param {string} path @param {RequestInit} [init] */
  async ask(path, init = {}) {
    const headers = new Headers(init.headers);
    if (this.env.API_TOKEN) headers.set("authorization", `Bearer ${this.env.API_TOKEN}`);
    if (init.body) headers.set("content-type", "application/json");
    return fetch(this.url + path, { ...init, headers });
  }

  /** What an answer says; fails where it is no success. @param {string} path @param {RequestInit} [init] @returns {Promise<any>} */
  async json(path, init) {
    const response = await this.ask(path, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  /** @param {string} path @param {unknown} body */
  post(path, body) {
    return this.json(path, { method: "POST", body: JSON.stringify(body) });
  }
}
