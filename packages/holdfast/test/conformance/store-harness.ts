/**
 * What a store hands in to be tested: how to open a fresh one, how to let time pass, and what it does not offer. The
 * suites assume nothing else: outcomes may be promises, events may come late, connections may be in other processes.
 */
import type { Store } from "../../src/store/index.ts"

/** What a store may lack; a test that needs something lacking is skipped, and the skip is printed. */
export type Capability =
  /** Lock commands. */
  | "locks"
  /** Run and worker commands. */
  | "runs"
  /** Cell commands and commits. */
  | "cells"
  /** `inspect`. */
  | "inspect"
  /** `onTransition`. */
  | "transitions"
  /** `advance` moves the store's time exactly and runs what is due; without it, it waits for real. */
  | "virtual-time"
  /** Tokens, times and texts are the kernel's own, so that the model check compares them too. */
  | "exact"
  /** What is visible stays so: who waits keeps its place among those who wait for runs, and relaxed cells what they merged. */
  | "steady"
  /** Watchers are told of every version; without it they may skip (C4). */
  | "every-version"
  /** A session's events come in the order of what happened; without it, only those about one request, or of one kind. */
  | "one-order"

export interface StoreHarness {
  readonly name: string
  readonly capabilities: ReadonlySet<Capability>
  /** Promises the store keeps within a bound instead of at once: the invariant's id and the bound in words. */
  readonly bounds: Readonly<Record<string, string>>
  /** A store without contents, of the caller's own. */
  open(): Promise<StoreWorld>
}

/** One store under test. */
export interface StoreWorld {
  /** Opens a connection, where possible over a socket or in a process of its own. */
  connect(): Promise<Store> | Store
  /** The store's clock, in milliseconds since the epoch. */
  now(): number
  /** Lets at least this much time pass for the store, and what is due by then happen. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

/** Everything a store can offer. */
export const EVERY_CAPABILITY: ReadonlySet<Capability> = new Set<Capability>([
  "locks",
  "runs",
  "cells",
  "inspect",
  "transitions",
  "virtual-time",
  "exact",
  "steady",
  "every-version",
  "one-order",
])

/** Everything a durable store can: what rests on nothing, as the end of a lease, does not wait for a flush. */
export const DURABLE_CAPABILITIES: ReadonlySet<Capability> = new Set(
  [...EVERY_CAPABILITY].filter((capability) => capability !== "one-order"),
)
