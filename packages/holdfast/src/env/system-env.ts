/**
 * The real twin: this machine's clocks, timers, randomness and digests. This is the only file that may name them, so
 * that whatever takes an Env is known to be simulatable.
 */
import { hash, randomFillSync } from "node:crypto"
import { checkDelay, type Env, type Timer, type TimerOptions } from "./env.ts"

/** The environment of this process. */
export const systemEnv: Env = {
  clock: { now: () => Date.now(), monotonic: () => performance.now() },
  timers: { after: startTimer },
  random: { next: () => Math.random() },
  ids: { next: nextId },
  sha256: (bytes) => hash("sha256", bytes, "hex"),
  microtask: (task) => queueMicrotask(task),
}

/**
 * Milliseconds of the machine's monotonic clock, fractional: the same in every process and thread of one boot, whereas
 * `clock.monotonic()` begins anew with each. No part of an {@link Env}, since a simulation has one time for all: only for
 * what one process writes down and the next goes on from.
 */
export function sinceBootMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

const { setTimeout: setRealTimeout, clearTimeout: clearRealTimeout } = globalThis

/** A timer of the machine also while the global ones are replaced: only for whoever replaces them. */
export function startRealTimer(delayMs: number, callback: () => void): Timer {
  const handle = setRealTimeout(callback, delayMs)
  return {
    cancel: () => {
      clearRealTimeout(handle)
    },
  }
}

// Node keeps a delay in a signed 32-bit integer and turns a larger one into 1 ms.
const LONGEST_NODE_DELAY_MS = 2 ** 31 - 1

function startTimer(delayMs: number, callback: () => void, options: TimerOptions = {}): Timer {
  checkDelay(delayMs)
  return new SystemTimer(performance.now() + delayMs, callback, options.keepAlive ?? true)
}

class SystemTimer implements Timer {
  readonly #dueAtMs: number
  readonly #callback: () => void
  readonly #keepAlive: boolean
  #handle: NodeJS.Timeout

  constructor(dueAtMs: number, callback: () => void, keepAlive: boolean) {
    this.#dueAtMs = dueAtMs
    this.#callback = callback
    this.#keepAlive = keepAlive
    this.#handle = this.#arm()
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #arm(): NodeJS.Timeout {
    const remainingMs = Math.min(Math.ceil(this.#dueAtMs - performance.now()), LONGEST_NODE_DELAY_MS)
    const handle = setTimeout(() => this.#expire(), remainingMs)
    if (!this.#keepAlive) handle.unref()
    return handle
  }

  #expire(): void {
    // Two reasons to arm again: the delay was longer than Node can keep, or Node, which counts from its loop's cached
    // time in whole milliseconds, came up to a millisecond early.
    if (performance.now() < this.#dueAtMs) this.#handle = this.#arm()
    else this.#callback()
  }
}

const ID_BYTES = 16
// One call to the generator costs more than the 16 bytes it returns, so ids are cut from a block of 128.
const idPool = Buffer.alloc(ID_BYTES * 128)
let idPoolOffset = idPool.length

function nextId(): string {
  if (idPoolOffset === idPool.length) {
    randomFillSync(idPool)
    idPoolOffset = 0
  }
  const end = idPoolOffset + ID_BYTES
  const id = idPool.toString("base64url", idPoolOffset, end)
  // An id handed out may be a secret (a session's), so no second copy of it stays in memory.
  idPool.fill(0, idPoolOffset, end)
  idPoolOffset = end
  return id
}
