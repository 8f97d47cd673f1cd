/** What is particular to the memory store; what every store promises is in test/conformance. */
import { describe, expect, it } from "vitest"
import { createSimulatedEnv } from "../../env/simulated-env.ts"
import { type Command, InvariantError, Kernel, type RequestId, type SessionId, type Token } from "../../kernel/index.ts"
import type { Store, StoreOutcome } from "../../store/index.ts"
import { type Engine, MemoryStore } from "./memory-store.ts"

const session = "session" as SessionId
const OPEN: Command = { kind: "openSession", session, label: "" }

function lock(request: number, leaseMs: number | null = null): Command {
  return {
    kind: "acquireLock",
    session,
    request: request as RequestId,
    names: ["a"],
    mode: "exclusive",
    permits: 1,
    limit: null,
    leaseMs,
    holding: [],
    wait: true,
  }
}

/** Executes a command whose outcome must be known at once. */
function execute(connection: Store, command: Command): StoreOutcome {
  const outcome = connection.execute(command)
  if (outcome instanceof Promise) throw new Error(`"${command.kind}" cost a promise`)
  return outcome
}

/** A kernel whose check fails once it is told to break. */
class BrittleEngine extends Kernel implements Engine {
  isBroken = false

  constructor() {
    super({ backed: false })
  }

  override check(): void {
    if (this.isBroken) throw new InvariantError("L1", "planted")
  }
}

describe("the memory store", () => {
  it("knows outcomes at once, and delivers events within the command that brought them about", async () => {
    const store = new MemoryStore({ env: createSimulatedEnv({ seed: 1 }), check: true })
    const connection = store.connect()
    const heard: string[] = []
    connection.onEvent((event) => heard.push(event.kind))
    expect(execute(connection, OPEN)).toEqual({ kind: "done" })
    const granted = execute(connection, lock(1))
    expect(granted).toMatchObject({ kind: "granted" })
    execute(connection, lock(2))
    if (!("token" in granted)) throw new Error("the lock was not granted")
    execute(connection, { kind: "releaseLock", session, token: granted.token })
    expect(heard).toEqual(["lockGranted"])
    await connection.close()
  })

  it("delivers in order what a handler's own commands bring about", () => {
    const store = new MemoryStore({ env: createSimulatedEnv({ seed: 1 }), check: true })
    const connection = store.connect()
    execute(connection, OPEN)
    const heard: number[] = []
    connection.onEvent((event) => {
      if (event.kind !== "lockGranted") return
      heard.push(event.request)
      // Grants the next in line while this one is still being told.
      execute(connection, { kind: "releaseLock", session, token: event.token })
      expect(heard.at(-1)).toBe(event.request)
    })
    const first = execute(connection, lock(1))
    for (const request of [2, 3, 4, 5]) execute(connection, lock(request))
    if (!("token" in first)) throw new Error("the lock was not granted")
    execute(connection, { kind: "releaseLock", session, token: first.token })
    expect(heard).toEqual([2, 3, 4, 5])
  })

  it("tells observers after the command, so that they may execute commands themselves", () => {
    const store = new MemoryStore({ env: createSimulatedEnv({ seed: 1 }), check: true })
    const connection = store.connect()
    execute(connection, OPEN)
    const heard: string[] = []
    connection.onEvent((event) => heard.push(`event ${event.kind}`))
    connection.onTransition((transition) => {
      heard.push(transition.kind)
      if (transition.kind !== "lock.released" || heard.length > 4) return
      // In the middle of the release this would find the lock half given back.
      expect(execute(connection, lock(9))).toMatchObject({ kind: "parked" })
      expect(execute(connection, { kind: "releaseLock", session, token: 2 as Token })).toMatchObject({
        kind: "released",
      })
      heard.push("the handler is done")
    })
    const first = execute(connection, lock(1))
    execute(connection, lock(2))
    if (!("token" in first)) throw new Error("the lock was not granted")
    execute(connection, { kind: "releaseLock", session, token: first.token })
    expect(heard.filter((what) => what !== "lock.granted")).toEqual([
      "lock.waiting",
      "lock.released",
      "the handler is done",
      "lock.waiting",
      "lock.released",
      "event lockGranted",
      "event lockGranted",
    ])
  })

  it("tells only who observes, until the last has stopped or closed", async () => {
    const store = new MemoryStore({ env: createSimulatedEnv({ seed: 1 }), check: true })
    const [one, two] = [store.connect(), store.connect()]
    const heard: string[] = []
    one.onTransition(() => heard.push("one, before"))
    one.onTransition(() => heard.push("one"))
    two.onTransition(() => heard.push("two"))
    execute(one, OPEN)
    expect(heard).toEqual(["one", "two"])
    two.onTransition(null)
    await one.close()
    expect(heard).toEqual(["one", "two", "one"])
    execute(two, OPEN)
    await two.close()
    expect(heard).toEqual(["one", "two", "one"])
  })

  it("ends a lease when its time has passed, however the wall clock is set", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const connection = new MemoryStore({ env, check: true }).connect()
    const heard: string[] = []
    connection.onEvent((event) => heard.push(event.kind))
    execute(connection, OPEN)
    execute(connection, lock(1, 100))
    env.shiftWallClock(3_600_000)
    execute(connection, OPEN)
    await env.advanceBy(99)
    expect(heard).toEqual([])
    env.shiftWallClock(-7_200_000)
    await env.advanceBy(1)
    expect(heard).toEqual(["grantLost"])
  })

  it("keeps no timer when its last connection has closed, and goes on with the next", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const store = new MemoryStore({ env, check: true })
    const [one, two] = [store.connect(), store.connect()]
    execute(one, OPEN)
    execute(one, { kind: "enqueueRun", session, spec: delayedRun(), force: false })
    await one.close()
    expect(env.pendingTimerCount).toBe(1)
    await two.close()
    expect(env.pendingTimerCount).toBe(0)
    store.connect()
    expect(env.pendingTimerCount).toBe(1)
  })

  it("stops at a broken invariant: later commands meet it, timers end, and closing still works", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const engine = new BrittleEngine()
    const connection = new MemoryStore({ env, check: true, engine }).connect()
    execute(connection, OPEN)
    execute(connection, lock(1, 100))
    engine.isBroken = true
    expect(() => execute(connection, lock(2))).toThrow("planted")
    engine.isBroken = false
    expect(() => execute(connection, lock(3))).toThrow("planted")
    expect(env.pendingTimerCount).toBe(0)
    await connection.close()
    await connection.close()
    expect(() => execute(connection, lock(4))).toThrow("closed")
  })

  it("is closed even where closing itself meets a broken invariant", async () => {
    const engine = new BrittleEngine()
    let closed = 0
    const store = new MemoryStore({ env: createSimulatedEnv({ seed: 1 }), check: true, engine })
    const connection = store.connect(() => {
      closed += 1
    })
    execute(connection, OPEN)
    engine.isBroken = true
    await expect(connection.close()).rejects.toThrow("planted")
    await connection.close()
    expect(closed).toBe(1)
  })
})

describe("what readers and watchers are served", () => {
  it("is there when the outcome is, and nothing that was refused ever shows (C5)", () => {
    const store = new MemoryStore({ env: createSimulatedEnv({ seed: 1 }), check: true })
    const writer = store.connect()
    const reader = store.connect()
    const other = "reader" as SessionId
    const seen: number[] = []
    reader.onEvent((event) => {
      if (event.kind === "cellChanged") seen.push(event.cell.version)
    })
    execute(writer, OPEN)
    execute(reader, { kind: "openSession", session: other, label: "" })
    const watching: Command = {
      kind: "watchCells",
      session: other,
      request: 1 as RequestId,
      pattern: { kind: "name", name: "a" },
    }
    expect(execute(reader, watching)).toMatchObject({ cells: [{ version: 0, value: null }] })

    const refused = execute(writer, commitOf(7, [99 as Token]))
    expect(refused).toMatchObject({ kind: "refused", code: "FENCED" })
    expect(readBy(reader, other)).toMatchObject({ version: 0, value: null })

    expect(execute(writer, commitOf(8, []))).toMatchObject({ kind: "committed" })
    expect(readBy(reader, other)).toMatchObject({ version: 1, value: 8 })
    expect(seen).toEqual([1])
  })
})

function commitOf(value: number, holding: readonly Token[]): Command {
  const writes = [{ kind: "put", name: "a", value }] as const
  return { kind: "commitCells", session, holding, reads: [], writes, starts: [], step: null, complete: null }
}

function readBy(connection: Store, reader: SessionId): unknown {
  const outcome = execute(connection, { kind: "readCells", session: reader, names: ["a"], head: false })
  return outcome.kind === "cells" ? outcome.cells[0] : outcome
}

function delayedRun(): Extract<Command, { readonly kind: "enqueueRun" }>["spec"] {
  return {
    identity: "hf1:delayed" as never,
    operation: "later",
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
    delayMs: 3_600_000,
  }
}
