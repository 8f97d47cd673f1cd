/** What the harness and its players say to each other, one JSON object a line. Times are of the machine's one clock. */

import type { RunId } from "../../src/index.ts"

/** What is wrong, by promise; each must stay at zero. */
export const FAULTS = [
  "acknowledged writes lost",
  "runs completed twice",
  "commits counted twice",
  "tokens that went backwards",
  "waiters left hanging",
  "once bodies repeated undecided",
  "two live holders at once",
  "poison runs not ended",
  "zombies not fenced",
  "unexpected errors",
] as const

export type Fault = (typeof FAULTS)[number]

/** The operations of the workload, by what becomes of a crashed attempt; `stay` parks and `poison` kills on purpose. */
export type OperationName = "compute" | "pay" | "job" | "stay" | "poison"

/** What a player is asked; answered under its id. */
export type Order =
  | { readonly kind: "open" }
  /** Loops until told to rest; calls are made of the numbers from `base` on. */
  | { readonly kind: "go"; readonly base: number }
  /** Begins nothing new; answered when everything begun is over. */
  | { readonly kind: "rest" }
  | { readonly kind: "audit"; readonly cells: readonly string[] }
  /** Asks for a run's result. */
  | { readonly kind: "ask"; readonly op: "compute" | "pay" | "job"; readonly number: number }
  /** Puts a run into the queue. */
  | { readonly kind: "start"; readonly op: "stay" | "poison"; readonly number: number }
  | { readonly kind: "await"; readonly run: RunId }
  /** Decides that an interrupted run is tried again, and asks for its result. */
  | { readonly kind: "decide"; readonly number: number }
  /** Takes a lock and keeps it. */
  | { readonly kind: "hold"; readonly lock: string; readonly leaseMs: number | null }
  /** Takes a lock and gives it back. */
  | { readonly kind: "want"; readonly lock: string }
  /** Writes under the lock that is held, and then gives it back. */
  | { readonly kind: "write-held" }
  /** Says what has not come to an end, for people. */
  | { readonly kind: "describe" }
  | { readonly kind: "close" }

export type Answer =
  | { readonly kind: "done" }
  | { readonly kind: "cells"; readonly cells: readonly CellRead[] }
  | { readonly kind: "result"; readonly nonce: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "started"; readonly run: RunId }
  | { readonly kind: "granted"; readonly token: number; readonly at: number }
  /** How a request ended that may end so; the harness judges. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string }

export interface CellRead {
  readonly name: string
  readonly version: number
  readonly value: number
}

/** What a player reports by itself. What it is about to do is said before it is done, what came of it after. */
export type Report =
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  | { readonly kind: "granted"; readonly lock: string; readonly token: number }
  | { readonly kind: "update-began"; readonly cell: string }
  | {
      readonly kind: "update-done"
      readonly cell: string
      readonly version: number
      readonly began: number
      readonly at: number
    }
  | { readonly kind: "observed"; readonly cell: string; readonly version: number }
  | {
      readonly kind: "body"
      readonly op: OperationName
      readonly number: number
      readonly attempt: number
      readonly token: number
      readonly at: number
    }
  | { readonly kind: "enqueued"; readonly number: number }
  | { readonly kind: "result"; readonly op: OperationName; readonly number: number; readonly nonce: string }
  | { readonly kind: "refused"; readonly op: OperationName; readonly number: number; readonly code: string }
  | { readonly kind: "fault"; readonly fault: Fault; readonly what: string }

export interface Addressed {
  readonly id: number
  readonly order: Order
}

/** Names of the workload. */
export const SHARED_CELLS: readonly string[] = ["shared/0", "shared/1"]
export const ACCOUNTS: readonly string[] = [
  "account/0",
  "account/1",
  "account/2",
  "account/3",
  "account/4",
  "account/5",
]
export const ACCOUNT_START = 100
export const LOCKS: readonly string[] = ["lock-0", "lock-1", "lock-2"]
export const SEMAPHORE = "permits"
export const PERMITS = 2
/** Numbers that are called during one round. */
export const WINDOW = 16

/** Which operation a number is called with. */
export function operationOf(number: number): "compute" | "pay" | "job" {
  if (number % 4 === 0) return "pay"
  return number % 4 === 1 ? "job" : "compute"
}

export function ownCell(player: string): string {
  return `own/${player}`
}

/** Counts the commits of a run's body: one, however many attempts there were. */
export function stepCell(op: OperationName, number: number): string {
  return `step/${op}/${String(number)}`
}
