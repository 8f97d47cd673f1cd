/**
 * Decides whether a concurrent history could have happened one operation at a time: whether each operation can be given
 * a moment between its invocation and its return so that, in that order, a sequential model answers as was seen.
 *
 * The algorithm is Wing and Gong's search ("Testing and Verifying Concurrent Objects", 1993) with Lowe's memoization of
 * visited configurations ("Testing for linearizability", 2017), over a linked list of events as in Horn and Kroening's
 * "Faster linearizability checking via P-compositionality" (2015), from which the split into partitions is taken too:
 * a history is linearizable when its part on each independent object is.
 *
 * The events of a partition form a list, earliest first. To linearize an operation is to take its two events out. An
 * operation can be next when no return stands before its invocation. A return that is reached is overdue: the search
 * undoes its last choice. The search keeps its own stack, so that the length of a history is not bounded by the
 * machine's.
 */
import { HoldfastError } from "../../kernel/errors.ts"
import type { HistoryOperation, Unseen } from "./history.ts"

/** What a sequential model answers: the state after the operation, or that it would not have given that output. */
export type ModelStep<State> = { readonly ok: true; readonly state: State } | { readonly ok: false }

/** A sequential object. States are immutable values. */
export interface Model<State, Input, Output> {
  readonly init: State
  /**
   * Applies one operation. An `unseen` output is one nobody saw: any the object would have given is right. Returns the
   * very state it was given when nothing changed: the search tries what changes nothing first.
   */
  step(state: State, input: Input, output: Output | Unseen): ModelStep<State>
  /** Equal for equal states and for no others. */
  key(state: State): string
  /** Names the independent object an input is for. Without it the whole history is one object's. */
  partition?(input: Input): string
}

/** Where and why no order exists. */
export interface LinearizabilityWindow<State, Input, Output> {
  /** The object it happened on, or null when the model has no partitions. */
  readonly partition: string | null
  /** The operation whose return is the first that no order explains. Everything that returned earlier can be ordered. */
  readonly overdue: HistoryOperation<Input, Output>
  /** The longest order found that explains all earlier returns. */
  readonly prefix: readonly HistoryOperation<Input, Output>[]
  /** The model's state after `prefix`. */
  readonly state: State
  /** What could have come next in real time: each is refused by the model, or leads nowhere. */
  readonly candidates: readonly HistoryOperation<Input, Output>[]
}

/** The answer of {@link checkLinearizable}; `steps` counts the calls of the model. */
export type LinearizabilityResult<State, Input, Output> =
  | { readonly ok: true; readonly steps: number }
  | { readonly ok: false; readonly steps: number; readonly window: LinearizabilityWindow<State, Input, Output> }
  | { readonly ok: "unknown"; readonly steps: number }

/** Bounds of a check. */
export interface LinearizabilityOptions {
  /** How often the model may be asked for each partition: time and memory grow with it. Default 1,000,000. */
  readonly maxSteps?: number
}

const DEFAULT_MAX_STEPS = 1_000_000

/** Checks `history` against `model`. A violation found in any partition wins over a budget that ran out in another. */
export function checkLinearizable<State, Input, Output>(
  history: readonly HistoryOperation<Input, Output>[],
  model: Model<State, Input, Output>,
  options: LinearizabilityOptions = {},
): LinearizabilityResult<State, Input, Output> {
  const maxSteps = options.maxSteps ?? DEFAULT_MAX_STEPS
  let steps = 0
  let isUnknown = false
  for (const [partition, operations] of splitHistory(history, model)) {
    const search = new Search(operations, model)
    const verdict = search.run(maxSteps)
    steps += search.steps
    if (verdict === "failed") return { ok: false, steps, window: search.explain(partition) }
    if (verdict === "unknown") isUnknown = true
  }
  return isUnknown ? { ok: "unknown", steps } : { ok: true, steps }
}

/** Renders a window for a test's failure message. */
export function describeWindow<State, Input, Output>(window: LinearizabilityWindow<State, Input, Output>): string {
  const shownCount = 10
  const hiddenCount = Math.max(0, window.prefix.length - shownCount)
  const lines = [
    `not linearizable${window.partition === null ? "" : ` on "${window.partition}"`}; no order explains the return of`,
    `  ${describeOperation(window.overdue)}`,
    `after this order of ${window.prefix.length} operations`,
    ...(hiddenCount > 0 ? [`  ... ${hiddenCount} earlier ones`] : []),
    ...window.prefix.slice(hiddenCount).map((operation) => `  ${describeOperation(operation)}`),
    `with the state ${JSON.stringify(window.state)}; what could come next is refused or leads nowhere:`,
    ...window.candidates.map((operation) => `  ${describeOperation(operation)}`),
  ]
  return lines.join("\n")
}

function describeOperation<Input, Output>(operation: HistoryOperation<Input, Output>): string {
  const { actor, input, invokedAt, returnedAt } = operation
  const seen = returnedAt === null ? "never returned" : `-> ${JSON.stringify(operation.output)}`
  return `${actor} [${invokedAt}, ${returnedAt ?? "..."}] ${JSON.stringify(input)} ${seen}`
}

function splitHistory<State, Input, Output>(
  history: readonly HistoryOperation<Input, Output>[],
  model: Model<State, Input, Output>,
): Map<string | null, HistoryOperation<Input, Output>[]> {
  const partitions = new Map<string | null, HistoryOperation<Input, Output>[]>()
  for (const operation of history) {
    if (operation.returnedAt !== null && operation.returnedAt < operation.invokedAt) {
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        `an operation returns after it was invoked, but found ${describeOperation(operation)}; were the moments swapped?`,
      )
    }
    const partition = model.partition?.(operation.input) ?? null
    const operations = partitions.get(partition)
    if (operations === undefined) partitions.set(partition, [operation])
    else operations.push(operation)
  }
  return partitions
}

/** One choice that can be undone: the operation linearized, and what was true before. */
interface Frame<State> {
  readonly operation: number
  readonly isQuiet: boolean
  readonly previousState: State
  readonly previousLastDone: number
}

interface Farthest<State> {
  readonly overdueEvent: number
  readonly order: readonly number[]
  readonly state: State
  readonly candidates: readonly number[]
}

const HEAD = 0
const NONE = 0

class Search<State, Input, Output> {
  steps = 0
  readonly #model: Model<State, Input, Output>
  // Those that returned come first, by invocation; then the pending ones. Indexes below refer to this order.
  readonly #operations: readonly HistoryOperation<Input, Output>[]
  readonly #returnedCount: number
  // The event list. Event 0 is the head; an operation's return event is NONE when it is pending.
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #operationOf: Int32Array
  readonly #callOf: Int32Array
  readonly #returnOf: Int32Array
  // The set of linearized operations, kept so that a key of it is short: everything below #firstOpen is in it, nothing
  // above #lastDone is, and the pending ones in it are listed apart, because one of them could stay open forever.
  readonly #doneBits: Buffer
  #firstOpen = 0
  #lastDone = -1
  readonly #pendingDone: number[] = []
  #state: State
  readonly #stack: Frame<State>[] = []
  #farthest: Farthest<State> | null = null

  constructor(history: readonly HistoryOperation<Input, Output>[], model: Model<State, Input, Output>) {
    const byInvocation = history.toSorted((left, right) => left.invokedAt - right.invokedAt)
    const returned = byInvocation.filter((operation) => operation.returnedAt !== null)
    this.#model = model
    this.#operations = [...returned, ...byInvocation.filter((operation) => operation.returnedAt === null)]
    this.#returnedCount = returned.length
    this.#state = model.init
    const eventCount = 1 + this.#operations.length + returned.length
    this.#next = new Int32Array(eventCount)
    this.#previous = new Int32Array(eventCount)
    this.#operationOf = new Int32Array(eventCount)
    this.#callOf = new Int32Array(this.#operations.length)
    this.#returnOf = new Int32Array(this.#operations.length)
    this.#doneBits = Buffer.alloc(Math.ceil(returned.length / 8))
    this.#linkEvents()
  }

  run(maxSteps: number): "passed" | "failed" | "unknown" {
    const visited = new Set<string>()
    let openCount = this.#returnedCount
    let event = at(this.#next, HEAD)
    // In every configuration the operations that change nothing are tried first. A read put off until after a write that
    // overlaps it is noticed only when it is overdue, after any number of wrong choices in between.
    let isQuiet = true
    while (openCount > 0) {
      const operation = at(this.#operationOf, event)
      if (event === at(this.#returnOf, operation)) {
        if (isQuiet) {
          isQuiet = false
          event = at(this.#next, HEAD)
          continue
        }
        this.#noteOverdue(event)
        const frame = this.#stack.pop()
        if (frame === undefined) return "failed"
        this.#putBack(frame)
        if (frame.operation < this.#returnedCount) openCount += 1
        isQuiet = frame.isQuiet
        event = at(this.#next, at(this.#callOf, frame.operation))
        continue
      }
      if (this.steps === maxSteps) return "unknown"
      const step = this.#tryOperation(operation, isQuiet)
      if (step.ok && this.#takeOut(operation, isQuiet, step.state, visited)) {
        if (operation < this.#returnedCount) openCount -= 1
        isQuiet = true
        event = at(this.#next, HEAD)
      } else {
        event = at(this.#next, event)
      }
    }
    return "passed"
  }

  explain(partition: string | null): LinearizabilityWindow<State, Input, Output> {
    if (this.#farthest === null) throw new Error("expected a failed search to have met a return, but it met none")
    const { overdueEvent, order, state, candidates } = this.#farthest
    return {
      partition,
      overdue: this.#operationAt(at(this.#operationOf, overdueEvent)),
      prefix: order.map((operation) => this.#operationAt(operation)),
      state,
      candidates: candidates.map((operation) => this.#operationAt(operation)),
    }
  }

  #linkEvents(): void {
    const events = this.#operations.flatMap(({ invokedAt, returnedAt }, operation) => {
      const call = { operation, time: invokedAt, isReturn: false }
      return returnedAt === null ? [call] : [call, { operation, time: returnedAt, isReturn: true }]
    })
    // At equal times calls come first, so that two operations which touch count as concurrent: never a false alarm.
    events.sort((left, right) => left.time - right.time || Number(left.isReturn) - Number(right.isReturn))
    events.forEach(({ operation, isReturn }, index) => {
      const event = index + 1
      this.#operationOf[event] = operation
      if (isReturn) this.#returnOf[operation] = event
      else this.#callOf[operation] = event
      this.#previous[event] = index
      this.#next[index] = event
    })
  }

  #tryOperation(operation: number, isQuiet: boolean): ModelStep<State> {
    // A pending operation that changes nothing might as well not have happened.
    if (isQuiet && operation >= this.#returnedCount) return { ok: false }
    this.steps += 1
    const { input, output } = this.#operationAt(operation)
    const step = this.#model.step(this.#state, input, output)
    return step.ok && (step.state === this.#state) === isQuiet ? step : { ok: false }
  }

  /** Linearizes the operation, unless that leads where the search has been. */
  #takeOut(operation: number, isQuiet: boolean, state: State, visited: Set<string>): boolean {
    const frame = { operation, isQuiet, previousState: this.#state, previousLastDone: this.#lastDone }
    this.#mark(operation)
    const configuration = this.#keyOfDone() + this.#model.key(state)
    if (visited.has(configuration)) {
      this.#unmark(frame)
      return false
    }
    visited.add(configuration)
    this.#state = state
    this.#stack.push(frame)
    this.#unlink(at(this.#callOf, operation))
    this.#unlink(at(this.#returnOf, operation))
    return true
  }

  #putBack(frame: Frame<State>): void {
    // In the reverse order of taking out, since each event remembers its neighbors from the moment it was taken out.
    this.#relink(at(this.#returnOf, frame.operation))
    this.#relink(at(this.#callOf, frame.operation))
    this.#unmark(frame)
    this.#state = frame.previousState
  }

  #mark(operation: number): void {
    if (operation >= this.#returnedCount) {
      this.#pendingDone.push(operation)
      return
    }
    this.#doneBits[operation >> 3] = byteAt(this.#doneBits, operation) | (1 << (operation & 7))
    if (operation > this.#lastDone) this.#lastDone = operation
    while ((byteAt(this.#doneBits, this.#firstOpen) >> (this.#firstOpen & 7)) & 1) this.#firstOpen += 1
  }

  #unmark({ operation, previousLastDone }: Frame<State>): void {
    if (operation >= this.#returnedCount) {
      this.#pendingDone.pop()
      return
    }
    this.#doneBits[operation >> 3] = byteAt(this.#doneBits, operation) & ~(1 << (operation & 7))
    this.#lastDone = previousLastDone
    if (operation < this.#firstOpen) this.#firstOpen = operation
  }

  /** Names the set of linearized operations in as many bits as operations overlap, not as there are. */
  #keyOfDone(): string {
    const bits = this.#doneBits.toString("latin1", this.#firstOpen >> 3, (this.#lastDone >> 3) + 1)
    const pending = this.#pendingDone.length === 0 ? "" : this.#pendingDone.toSorted((a, b) => a - b).join("+")
    // The first two parts say how long the bits are, so that no state's key can be taken for bits.
    return `${this.#firstOpen},${this.#lastDone},${pending},${bits}`
  }

  #noteOverdue(event: number): void {
    const best = this.#farthest
    const isBetter =
      best === null ||
      event > best.overdueEvent ||
      (event === best.overdueEvent && this.#stack.length > best.order.length)
    if (!isBetter) return
    const candidates: number[] = []
    for (let open = at(this.#next, HEAD); open !== event; open = at(this.#next, open)) {
      candidates.push(at(this.#operationOf, open))
    }
    this.#farthest = {
      overdueEvent: event,
      order: this.#stack.map((frame) => frame.operation),
      state: this.#state,
      candidates,
    }
  }

  #unlink(event: number): void {
    if (event === NONE) return
    const previous = at(this.#previous, event)
    const next = at(this.#next, event)
    this.#next[previous] = next
    if (next !== NONE) this.#previous[next] = previous
  }

  #relink(event: number): void {
    if (event === NONE) return
    const next = at(this.#next, event)
    this.#next[at(this.#previous, event)] = event
    if (next !== NONE) this.#previous[next] = event
  }

  #operationAt(index: number): HistoryOperation<Input, Output> {
    const operation = this.#operations[index]
    if (operation === undefined) throw new Error(`expected operation ${index} to exist`)
    return operation
  }
}

/** Reads an element that is known to exist: the event list is dense. */
function at(array: Int32Array, index: number): number {
  return array[index] ?? NONE
}

/** The byte that holds an operation's bit; none are set beyond the last operation. */
function byteAt(bits: Uint8Array, operation: number): number {
  return bits[operation >> 3] ?? 0
}
