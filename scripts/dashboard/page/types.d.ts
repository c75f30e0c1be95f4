/** What the API answers, and what the parts of the page say to each other. Times are ms since 1970. */
import type { TemplateResult, nothing } from "./vendor/lit-html/lit-html.js";

export type Template = TemplateResult | typeof nothing;

export interface Session {
  login: "needed" | "not_needed";
  signed_in: boolean;
  read_only: boolean;
  csrf: string | null;
  version: string;
}

export interface Lanes {
  high: number;
  pending: number;
  low: number;
  claimed: number;
}

export interface Schedule {
  name: string;
  pattern: string;
  timezone: string;
  last: number | null;
  next: number | null;
  error: string | null;
}

export interface Queue {
  queue: string;
  lanes: Lanes;
  waiting: number;
  processing: number;
  delayed: number;
  dead_letter: number;
  sent: number;
  in_per_second: number | null;
  out_per_second: number | null;
  failure_rate: number | null;
  oldest_ms: number | null;
  paused: { until: number | null; note: string } | null;
  intake_paused: { since: number | null; note: string } | null;
  throttled: { until: number | null } | null;
  breaker: { since: number | null; until: number; why: string } | null;
  workers: number;
  broken: string | null;
  schedules: Schedule[];
}

export interface Worker {
  queue: string;
  id: string;
  start: string;
  version: string;
  pid: number;
  concurrency: number;
  held: number;
  sending: number;
  oldest_ms: number | null;
  seen_ms: number;
  late: boolean;
}

export interface Alert {
  level: "bad" | "warn";
  kind:
    | "redis_away"
    | "breaker"
    | "no_worker"
    | "broken_queue"
    | "late_worker"
    | "paused"
    | "intake_paused"
    | "throttled";
  queue: string | null;
  since: number | null;
  until: number | null;
  waiting: number;
  text: string;
}

export interface Redis {
  up: boolean;
  since: number | null;
  error: string | null;
  memory_used: number | null;
  memory_limit: number | null;
}

export interface Overview {
  at: number;
  version: string;
  redis: Redis;
  queues: Queue[];
  workers: Worker[];
  alerts: Alert[];
  operations: Operation[];
}

export interface History {
  queue: string | null;
  step_ms: number;
  at: number[];
  waiting: (number | null)[];
  processing: (number | null)[];
  delayed: (number | null)[];
  dead_letter: (number | null)[];
  in_per_second: (number | null)[];
  out_per_second: (number | null)[];
  failed_per_second: (number | null)[];
}

export interface Held {
  id: string;
  reference: string;
  since: number | null;
  lease_ends: number;
  crashes: number;
  worker: string;
}

export interface Filter {
  id?: string;
  reason?: string;
  class?: string;
  code?: string;
  provider?: string;
  error?: string;
  before?: number;
  since?: number;
}

export interface Operation {
  id: string;
  kind: "requeue" | "purge";
  queue: string;
  filter: Filter;
  limit: number | null;
  stopping: boolean;
  per_second: number | null;
  state: "running" | "done" | "stopped" | "failed";
  moved: number;
  looked_at: number | null;
  total: number | null;
  began: number;
  ended: number | null;
  error: string | null;
}

export interface Letter {
  key: string;
  near: number;
  id: string | null;
  reference: string | null;
  reason: string | null;
  class: string | null;
  code: string | null;
  provider: string | null;
  error: string | null;
  dead_at: number | null;
  lane: string;
  bytes: number;
  to: string | null;
  subject: string | null;
}

export interface Found {
  queue: string;
  id: string | null;
  reference: string | null;
  state: string;
  at: number | null;
  due: number | null;
  to: string | null;
  subject: string | null;
  key: string | null;
  near: number | null;
}

export interface Attempt {
  at: string;
  error: string;
  code?: string;
  provider?: string;
}

/** What became of a message. */
export interface Status {
  queue: string;
  id: string;
  state: string;
  at: number;
  enqueued_at?: number;
  attempts: number;
  due?: number;
  lease_ends?: number;
  reason?: string;
  error?: string;
  code?: string;
  provider?: string;
  provider_id?: string;
  result?: unknown;
  progress?: unknown;
  log: Attempt[];
  lines?: { at: string; line: string }[];
}

export interface MessageContent {
  place: "waiting" | "sending" | "delayed" | "dead";
  key: string | null;
  near: number | null;
  message: unknown;
  text: string | null;
  has_html: boolean;
}

/** A message of a list. */
export interface Listed {
  id: string | null;
  lane: string;
  to: string | null;
  subject: string | null;
  /** Of one that waits. */
  bytes?: number;
  /** Of one that is delayed, like the rest. */
  due?: number;
  reference?: string;
  scheduled?: boolean;
  retries?: number;
}

/** What a view is given. */
export interface Context {
  /** The parts of the address, decoded: `{queue: "email"}`. */
  params: Record<string, string>;
  query: URLSearchParams;
  session: Session;
  /** The last that came, however old. */
  overview(): Overview | null;
  /** Whether what `overview` says is of now: the stream runs and Redis answers. */
  fresh(): boolean;
  /** The clock of Redis, as far as this page knows it. Stands still while numbers are stale. */
  now(): number;
  /** Draws the view again, once a frame however often it is asked. */
  redraw(): void;
  go(hash: string): void;
}

/** What a view gives back. It draws its own `<h1>`. */
export interface View {
  title: string;
  draw(): Template;
  live?(overview: Overview): void;
  close?(): void;
}
