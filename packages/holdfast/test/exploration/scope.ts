/**
 * A small scope to explore, as data: who is there, and what each of them may do.
 *
 * An actor is one scope of a program (a root, or the body of a run) with the chain of grants it is inside of. It does
 * one thing at a time; while it waits, nothing it holds is released. Releasing what is innermost, ending a body and
 * taking for a worker's free slot need not be listed: every actor does them whenever it can.
 */
import type { Identity, RunSpec, SessionId } from "../../src/kernel/index.ts"

/** What an actor may do when it does not wait. `times` bounds how often in all; a refusal does not count. */
export type Action = { readonly times?: number } & (
  | {
      readonly do: "acquire"
      readonly names: readonly string[]
      readonly mode?: "exclusive" | "shared"
      readonly permits?: number
      readonly limit?: number
      readonly leaseMs?: number
      readonly wait?: false
    }
  | { readonly do: "claim"; readonly spec: RunSpec; readonly force?: true }
  | { readonly do: "await"; readonly spec: RunSpec; readonly execute: boolean }
  | { readonly do: "enqueue"; readonly spec: RunSpec }
  | { readonly do: "read"; readonly cells: readonly string[] }
  /** Writes to each cell one more than was read of it; `blind` does so without having read. */
  | {
      readonly do: "commit"
      readonly writes: readonly string[]
      readonly blind?: true
      readonly step?: string
      readonly complete?: true
    }
)

/** What comes from outside the programs. */
export type Intervention = { readonly times?: number } & (
  | { readonly do: "endSession"; readonly session: string; readonly reason: "closed" | "died" }
  | { readonly do: "control"; readonly spec: RunSpec; readonly action: "cancel" | "pause" | "resume" | "retry" }
  | { readonly do: "forget"; readonly spec: RunSpec }
  | { readonly do: "put"; readonly spec: RunSpec }
  | { readonly do: "resize"; readonly name: string; readonly limit: number }
)

export interface Actor {
  readonly session: string
  readonly menu: readonly Action[]
  /** How many grants it may be inside of at once. */
  readonly depth: number
}

/** What bodies of an operation do besides ending. */
export interface Body {
  readonly menu: readonly Action[]
  readonly depth: number
  readonly ends: readonly ("complete" | "fail" | "return")[]
  /** Said where a body must not be repeated by itself. */
  readonly effects?: "once"
}

export interface Scope {
  readonly actors: readonly Actor[]
  readonly bodies: Readonly<Record<string, Body>>
  readonly workers: readonly {
    readonly session: string
    readonly slots: number
    readonly operations: readonly string[]
  }[]
  readonly interventions: readonly Intervention[]
  /** How many bodies that lost their claim may be around before nothing more takes a claim away. */
  readonly zombies: number
  /** False where no waiter ever gives up by itself. */
  readonly canWithdraw: boolean
}

/** A spec of a run with everything optional off. */
export function specOf(operation: string, id: string, options: Partial<RunSpec> = {}): RunSpec {
  return {
    identity: `hf1:${operation}/${id}` as Identity,
    operation,
    version: 1,
    args: 0,
    key: null,
    effects: "pure",
    retry: { maxAttempts: 1, initialMs: 0, factor: 1, maxMs: 0 },
    concurrency: null,
    keyed: null,
    attemptTimeoutMs: null,
    retainMs: null,
    abandon: "keep",
    priority: 0,
    delayMs: 0,
    ...options,
  }
}

export function sessionOf(name: string): SessionId {
  return name as SessionId
}
