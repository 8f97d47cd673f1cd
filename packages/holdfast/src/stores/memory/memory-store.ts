/**
 * The `memory:` store: the kernel, inline. Outcomes are known at once, and everything visible is as durable as it gets.
 *
 *     execute ─▶ kernel.apply ─▶ outcome (returned)
 *                     └────────▶ events ─▶ the connection that opened the session, in order
 *
 * 1. Events are delivered in the order they came about, also when a handler executes further commands: one delivery
 *    loop runs at a time and the inner command's events join its queue. Transitions are told the same way.
 * 2. Time runs by the monotonic clock from the wall time at opening: setting the machine's clock ends no lease early.
 * 3. A broken invariant stops the store: every later command is refused with it, before the damage can spread.
 * 4. A timer is pending only while there is a connection: nobody else could notice what it brings about, and what came
 *    due meanwhile happens before the next command anyway.
 */
import type { Env, Timer } from "../../env/index.ts"
import {
  assertInvariant,
  type Command,
  HoldfastError,
  Kernel,
  type SessionId,
  type StoreEvent,
  type Transition,
} from "../../kernel/index.ts"
import type { Store, StoreOutcome } from "../../store/index.ts"

/** What the memory store needs of a kernel; the tests put one behind it that evicts after every command. */
export type Engine = Pick<Kernel, "apply" | "check" | "nextDeadline" | "nextExpiry" | "observe" | "takeEvents">

export interface MemoryStoreOptions {
  readonly env: Env
  /** Asserts every invariant after every command: for tests and for hunting a bug. */
  readonly check: boolean
  readonly engine?: Engine
}

/** Stores of this process are told apart by their number. */
let opened = 0

/** Truth shared by connections inside one event loop. */
export class MemoryStore {
  readonly id: string
  readonly #engine: Engine
  readonly #env: Env
  /** What the monotonic clock lacks to the time since the epoch. */
  readonly #epoch: number
  readonly #check: boolean
  readonly #handlers = new Map<SessionId, (event: StoreEvent) => void>()
  readonly #observers = new Set<(transition: Transition) => void>()
  #queue: StoreEvent[] = []
  /** What observers are still to be told: they may execute commands, and so never run inside one. */
  #transitions: Transition[] = []
  #isDelivering = false
  #failure: Error | null = null
  #connectionCount = 0
  readonly #deadline: Alarm
  readonly #expiry: Alarm

  constructor(options: MemoryStoreOptions) {
    opened += 1
    this.id = `memory ${String(opened)}`
    this.#engine = options.engine ?? new Kernel({ backed: false })
    this.#env = options.env
    this.#epoch = options.env.clock.now() - options.env.clock.monotonic()
    this.#check = options.check
    this.#deadline = { at: undefined, timer: undefined, keepAlive: true }
    this.#expiry = { at: undefined, timer: undefined, keepAlive: false }
  }

  /** Opens a connection; `onClose` runs once when it ends. */
  connect(onClose: () => void = ignore): Store {
    this.#connectionCount += 1
    this.#armAlarms()
    return new Connection(this, onClose)
  }

  /** A connection is over. */
  disconnect(): void {
    this.#connectionCount -= 1
    this.#armAlarms()
  }

  /** True once an invariant broke: nothing works any more, and nothing is left to be given back. */
  get isBroken(): boolean {
    return this.#failure !== null
  }

  apply(command: Command): StoreOutcome {
    if (this.#failure !== null) throw this.#failure
    let outcome
    try {
      outcome = this.#engine.apply(command, this.#now())
      if (this.#check) this.#engine.check()
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.#armAlarms()
      throw error
    }
    assertInvariant(outcome.kind !== "need", "internal", "a kernel without a backing store asked for rows")
    this.#armAlarms()
    this.#deliver()
    return outcome
  }

  route(session: SessionId, handler: (event: StoreEvent) => void): void {
    this.#handlers.set(session, handler)
  }

  unroute(session: SessionId): void {
    this.#handlers.delete(session)
  }

  observe(observer: (transition: Transition) => void): void {
    this.#observers.add(observer)
    this.#engine.observe((transition) => {
      this.#transitions.push(transition)
    })
  }

  unobserve(observer: (transition: Transition) => void): void {
    this.#observers.delete(observer)
    if (this.#observers.size === 0) this.#engine.observe(null)
  }

  #now(): number {
    return this.#epoch + this.#env.clock.monotonic()
  }

  #deliver(): void {
    const events = this.#engine.takeEvents()
    if (events.length === 0 && this.#transitions.length === 0) return
    for (const event of events) this.#queue.push(event)
    if (this.#isDelivering) return
    this.#isDelivering = true
    try {
      this.#report()
      for (const event of this.#queue) {
        this.#handlers.get(event.session)?.(event)
        this.#report()
      }
    } finally {
      this.#queue = []
      this.#transitions = []
      this.#isDelivering = false
    }
  }

  #report(): void {
    if (this.#transitions.length === 0) return
    for (const transition of this.#transitions) {
      for (const observer of this.#observers) observer(transition)
    }
    this.#transitions = []
  }

  /** Keeps timers on what is due next, as long as it matters. */
  #armAlarms(): void {
    const isOver = this.#failure !== null || this.#connectionCount === 0
    this.#arm(this.#deadline, isOver ? undefined : this.#engine.nextDeadline())
    this.#arm(this.#expiry, isOver ? undefined : this.#engine.nextExpiry())
  }

  #arm(alarm: Alarm, at: number | undefined): void {
    if (alarm.at === at) return
    alarm.timer?.cancel()
    alarm.at = at
    alarm.timer = undefined
    if (at === undefined) return
    const delayMs = Math.max(0, at - this.#now())
    const fire = (): void => {
      alarm.at = undefined
      alarm.timer = undefined
      this.apply({ kind: "advanceTime" })
    }
    alarm.timer = this.#env.timers.after(delayMs, fire, { keepAlive: alarm.keepAlive })
  }
}

interface Alarm {
  at: number | undefined
  timer: Timer | undefined
  readonly keepAlive: boolean
}

/** One opener of the store. */
class Connection implements Store {
  readonly id: string
  readonly #store: MemoryStore
  readonly #onClose: () => void
  readonly #sessions = new Set<SessionId>()
  #handler: (event: StoreEvent) => void = ignore
  #observer: ((transition: Transition) => void) | null = null
  #isClosed = false

  constructor(store: MemoryStore, onClose: () => void) {
    this.id = store.id
    this.#store = store
    this.#onClose = onClose
  }

  execute(command: Command): StoreOutcome {
    if (this.#isClosed) throw new HoldfastError("CLOSED", "the store was closed; open it again to go on")
    const outcome = this.#store.apply(command)
    if (command.kind === "openSession" && outcome.kind === "done") {
      this.#sessions.add(command.session)
      this.#store.route(command.session, (event) => {
        this.#handler(event)
      })
    } else if (command.kind === "endSession") {
      this.#sessions.delete(command.session)
      this.#store.unroute(command.session)
    }
    return outcome
  }

  onEvent(handler: (event: StoreEvent) => void): void {
    this.#handler = handler
  }

  onTransition(handler: ((transition: Transition) => void) | null): void {
    if (this.#observer !== null) this.#store.unobserve(this.#observer)
    this.#observer = handler
    if (handler !== null) this.#store.observe(handler)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    try {
      for (const session of this.#sessions) {
        if (!this.#store.isBroken) this.execute({ kind: "endSession", session, reason: "died", unstarted: [] })
      }
    } finally {
      this.onTransition(null)
      this.#isClosed = true
      this.#store.disconnect()
      this.#onClose()
    }
  }
}

function ignore(): void {
  // Nobody has asked to be told.
}
