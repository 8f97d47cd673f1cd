/**
 * A store seen through a wire: every outcome is a promise, and commands, outcomes and events each take their time, drawn
 * from a seed. It shows what code does that was only ever run against a store that answers at once.
 *
 *     execute ──commands──▶ inner store ──outcomes──▶ promise
 *                               └─────────events────▶ handler
 *
 * 1. Each line keeps its order. With `lines: "one"`, outcomes and events share a line, as on a keeper's socket; with
 *    "two" either may overtake the other, as where a database answers on one connection and notifies on another.
 * 2. Nothing is lost, and nothing arrives after `close` has resolved.
 */
import { nextTurn } from "../../src/env/turn.ts"
import type { Env } from "../../src/env/index.ts"
import { createPrng, type Prng } from "../../src/env/prng.ts"
import { HoldfastError } from "../../src/kernel/index.ts"
import type { Command, StoreEvent, Transition } from "../../src/kernel/index.ts"
import type { Store, StoreOutcome } from "../../src/store/index.ts"

/** Runs a task after a delay in units of its own: turns of the event loop, or milliseconds. */
export type Postpone = (delay: number, task: () => void) => void

export interface DeferredStoreOptions {
  /** Draws every delay. */
  readonly random: Prng
  readonly lines: "one" | "two"
  readonly postpone: Postpone
  /** Delays are drawn from 0 to below this; a delay of 0 delivers together with what came before. */
  readonly delayBound: number
}

/** Delays by turns of the real event loop: no clock is needed, and nothing a test awaits is left behind. */
export function postponeByTurns(turns: number, task: () => void): void {
  // The chain cannot reject: its only foreign part is a delivery, which must not throw.
  void (async () => {
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    task()
  })()
}

/** Delays by milliseconds of an env, for tests that drive its clock. */
export function postponeByTime(env: Env): Postpone {
  return (delayMs, task) => {
    env.timers.after(delayMs, task)
  }
}

/** The options of a test that has no wish but a seed. */
export function deferredBy(seed: number, lines: "one" | "two" = "two"): DeferredStoreOptions {
  return { random: createPrng(seed), lines, postpone: postponeByTurns, delayBound: 4 }
}

export class DeferredStore implements Store {
  readonly id: string
  readonly #inner: Store
  readonly #commands: Line
  readonly #outcomes: Line
  readonly #events: Line
  #handler: (event: StoreEvent) => void = () => undefined
  #closed: Promise<void> | null = null
  #isClosed = false

  constructor(inner: Store, options: DeferredStoreOptions) {
    this.id = inner.id
    this.#inner = inner
    this.#commands = new Line(options)
    this.#outcomes = new Line(options)
    this.#events = options.lines === "one" ? this.#outcomes : new Line(options)
    inner.onEvent((event) => {
      this.#events.send(() => {
        if (!this.#isClosed) this.#handler(event)
      })
    })
  }

  execute(command: Command): Promise<StoreOutcome> {
    if (this.#closed !== null) return Promise.reject(new HoldfastError("CLOSED", "the connection was closed"))
    return this.#travel(() => this.#inner.execute(command))
  }

  onEvent(handler: (event: StoreEvent) => void): void {
    this.#handler = handler
  }

  onTransition(handler: ((transition: Transition) => void) | null): void {
    this.#inner.onTransition(handler)
  }

  close(): Promise<void> {
    this.#closed ??= this.#travel(async () => {
      await this.#inner.close()
      this.#isClosed = true
    })
    return this.#closed
  }

  /** There and back again: the act happens in the order of commands, its answer arrives in the order of outcomes. */
  #travel<Answer>(act: () => Answer | Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#commands.send(() => {
        let answer: Answer | Promise<Answer>
        try {
          answer = act()
        } catch (error) {
          this.#outcomes.send(() => {
            reject(error)
          })
          return
        }
        this.#outcomes.send(() => {
          resolve(answer)
        })
      })
    })
  }
}

/** Delivers in order, each delivery some time after the one before. */
class Line {
  readonly #options: DeferredStoreOptions
  readonly #deliveries: (() => void)[] = []
  #isMoving = false

  constructor(options: DeferredStoreOptions) {
    this.#options = options
  }

  send(delivery: () => void): void {
    this.#deliveries.push(delivery)
    if (this.#isMoving) return
    this.#isMoving = true
    this.#moveOn()
  }

  #moveOn(): void {
    const { random, postpone, delayBound } = this.#options
    // The first of a batch always waits, so that nothing is ever answered within the call that asked.
    postpone(1 + random.nextBelow(delayBound), () => {
      do this.#deliveries.shift()?.()
      while (this.#deliveries.length > 0 && random.nextBelow(delayBound) === 0)
      if (this.#deliveries.length > 0) this.#moveOn()
      else this.#isMoving = false
    })
  }
}
