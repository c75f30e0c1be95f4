/** Asks the API. Paths begin with `/api/`; what comes before them is wherever this page was found. */

/** @import { Session } from "./types.js" */

const PATIENCE_MS = 20_000;
const base = new URL("..", import.meta.url).href.replace(/\/$/, "");

/** @type {string | null} */
let csrf = null;
/** @type {() => void} */
let signedOut = () => {};

/** An answer that is no success; `status` 0 where there was none. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {number | null} retryAfter s */
  constructor(status, code, message, retryAfter = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** @param {string} path */
export const address = (path) => base + path;

/** Calls `then` whenever the API says that nobody is signed in. @param {() => void} then */
export function onSignedOut(then) {
  signedOut = then;
}

/** @param {Session} session */
export function use(session) {
  csrf = session.csrf;
}

/**
 * Reads. An answer may be `age` seconds old, as old as it may get before it is read again, so that many pages ask no
 * more of Redis than one; unless it must be `fresh`: after an action.
 *
 * @param {string} path
 * @param {{ fresh?: boolean, age?: number, signal?: AbortSignal }} [how]
 * @returns {Promise<any>}
 */
export async function read(path, { fresh = false, age = 1, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = fresh ? {} : { "cache-control": `max-age=${age}` };
  return parsed(await ask(path, { headers, signal }));
}

/**
 * Reads what is no JSON.
 *
 * @param {string} path
 * @returns {Promise<string>}
 */
export async function readText(path) {
  return (await ask(path, {})).text();
}

/**
 * Changes something.
 *
 * @param {"POST" | "PUT" | "PATCH" | "DELETE"} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function change(method, path, body) {
  const send = () => {
    /** @type {Record<string, string>} */
    const headers = {};
    if (csrf) headers["x-csrf-token"] = csrf;
    if (method !== "DELETE" || body !== undefined) headers["content-type"] = "application/json";
    return ask(path, {
      method,
      headers,
      body: method === "DELETE" && body === undefined ? undefined : JSON.stringify(body ?? {}),
    });
  };
  try {
    return parsed(await send());
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "csrf")) throw error;
    // Another tab has signed in anew.
    use(await read("/api/v1/session", { fresh: true }));
    return parsed(await send());
  }
}

/** @param {string} path @param {RequestInit} init @returns {Promise<Response>} */
async function ask(path, init) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, patience]) : patience;
  let response;
  try {
    response = await fetch(address(path), { cache: "no-store", credentials: "same-origin", ...init, signal });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(
      0,
      "unreachable",
      "The server cannot be reached; nothing is known of what became of this",
    );
  }
  if (response.ok) return response;
  const problem = await failure(response);
  if (problem.status === 401 && problem.code !== "wrong_token") signedOut();
  throw problem;
}

/** @param {Response} response */
async function failure(response) {
  const wait = Number(response.headers.get("retry-after"));
  let problem = { code: "unknown", message: `The server answered ${response.status} ${response.statusText}` };
  try {
    problem = (await response.json()).error ?? problem;
  } catch {
    // Something between here and the server has answered.
  }
  return new ApiError(response.status, problem.code, problem.message, wait > 0 ? wait : null);
}

/** @param {Response} response @returns {Promise<any>} */
async function parsed(response) {
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}
