/** A world for tests of what users hold: one memory store on simulated time, opened as often as a test likes. */
import { expect } from "vitest"
import { createSimulatedEnv, type SimulatedEnv } from "../src/env/simulated-env.ts"
import { nextTurn } from "../src/env/turn.ts"
import type { Env } from "../src/env/index.ts"
import { type ErrorCode, HoldfastError, type SessionId, type StoreView } from "../src/kernel/index.ts"
import { Holdfast } from "../src/runtime/index.ts"
import type { Store } from "../src/store/index.ts"
import { MemoryStore } from "../src/stores/memory/index.ts"
import { deferredBy, DeferredStore } from "./conformance/deferred-store.ts"

/** More turns than a wire with a few deliveries under way takes to fall silent. */
const SILENCE_TURNS = 60

export class RuntimeWorld {
  /** Drives the store, and every session opened without an env of its own. */
  readonly env: SimulatedEnv = createSimulatedEnv({ seed: 1 })
  readonly store: MemoryStore

  constructor(options: { readonly storeEnv?: (env: SimulatedEnv) => Env } = {}) {
    this.store = new MemoryStore({ env: options.storeEnv?.(this.env) ?? this.env, check: true })
  }

  /** A session on the store itself. */
  async open(label = "me", env: Env = this.env): Promise<Holdfast> {
    return await Holdfast.connect({ store: this.store.connect(), env, label })
  }

  /** A session behind a wire. */
  async openDeferred(seed = 1, lines: "one" | "two" = "two", label = "far"): Promise<Holdfast> {
    return await Holdfast.connect({ store: this.wire(seed, lines), env: this.env, label })
  }

  /** Ends a session as the death of its process would; what it still asks is answered with SESSION_LOST. */
  kill(label: string): void {
    killSession(this.store, label)
  }

  wire(seed: number, lines: "one" | "two"): Store {
    return new DeferredStore(this.store.connect(), deferredBy(seed, lines))
  }
}

/** Ends the session of this label as the death of its process would. */
export function killSession(store: MemoryStore, label: string): void {
  const session = "witness" as SessionId // Brand constructor.
  store.apply({ kind: "openSession", session, label: "witness" })
  const view = store.apply({ kind: "inspect", session })
  store.apply({ kind: "endSession", session, reason: "closed", unstarted: [] })
  if (view.kind !== "view") throw new Error(`inspect answered with ${view.kind}`)
  const [dead] = view.view.sessions.filter((each) => each.label === label)
  if (dead === undefined) throw new Error(`no session is called "${label}"`)
  store.apply({ kind: "endSession", session: dead.session, reason: "died", unstarted: [] })
}

/** Lets everything that is under way arrive; time stands still. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < SILENCE_TURNS; turn++) await nextTurn()
}

/** Lets simulated time pass, a millisecond at a time, until the work has ended. */
export async function drive<T>(env: SimulatedEnv, work: Promise<T>): Promise<T> {
  let isOver = false
  const ended = work.finally(() => {
    isOver = true
  })
  // Its rejection is the caller's; here it only ends the driving.
  ended.catch(() => undefined)
  const hasEnded = (): boolean => isOver
  while (!hasEnded()) await env.advanceBy(1)
  return await ended
}

/** A door that is shut until somebody opens it. */
export class Gate {
  readonly opened: Promise<void>
  #open: () => void = () => undefined

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  open(): void {
    this.#open()
  }
}

/** The error a call ends with: it must be Holdfast's, with this code. */
export async function faultOf(call: Promise<unknown>, code: ErrorCode): Promise<HoldfastError> {
  try {
    await call
  } catch (error) {
    expect(error).toBeInstanceOf(HoldfastError)
    expect(error).toMatchObject({ code })
    return error as HoldfastError // Asserted above.
  }
  throw new Error(`expected the call to end with ${code}, but it succeeded`)
}

/** What a call rejects with: it must not succeed. */
export async function reasonOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new Error("expected the call to be rejected, but it succeeded")
}

/** Asserts that nobody holds or waits for anything. */
export function expectQuiet(view: StoreView): void {
  expect(view.locks).toEqual([])
  expect(view.runs.open).toEqual([])
  for (const { grants, claims, waits } of view.sessions) expect({ grants, claims, waits }).toEqual(NOTHING)
}

const NOTHING = { grants: 0, claims: 0, waits: 0 }
