/**
 * Assertions on histories: they throw with the smallest part of a history that no order explains.
 *
 * A history is made smaller only in ways that cannot make a right one look wrong:
 * 1. What was invoked after the first answer that no order explains is left out, and what had not returned by then counts
 *    as never answered: the beginning of a right history is right (Herlihy and Wing, "Linearizability", 1990).
 * 2. Where nothing was under way at some moment and everything before it can only have led to one state, the rest is checked
 *    from that state.
 * 3. An answer is forgotten: the operation may then have taken effect at any time since its invocation, or not at all,
 *    which only allows more orders. What is left are answers each of which is needed for the contradiction, as far as that
 *    can be told: of many operations that may or may not have taken effect, there are too many orders to try.
 */
import { type HistoryOperation, unseen } from "./history.ts"
import {
  checkLinearizable,
  describeWindow,
  type LinearizabilityOptions,
  type LinearizabilityWindow,
  type Model,
} from "./linearizability.ts"
import {
  checkSerializable,
  describeAnomaly,
  type SerializabilityAnomaly,
  type SerializabilityOptions,
  type Transaction,
} from "./serializability.ts"

/** How often the model may be asked to make one history smaller, and for each of the smaller ones. */
const SHRINK_STEPS = 200_000
const STEPS_EACH = 5_000

/**
 * Throws unless some order explains the history.
 *
 * @throws Error with the answers that contradict each other, or that says that the bound was reached before there was a verdict
 */
export function assertLinearizable<State, Input, Output>(
  history: readonly HistoryOperation<Input, Output>[],
  model: Model<State, Input, Output>,
  options: LinearizabilityOptions = {},
): void {
  const result = checkLinearizable(history, model, options)
  if (result.ok === true) return
  if (result.ok === "unknown") {
    throw new Error(
      `expected a linearizable history, but found no verdict on its ${history.length} operations within ${result.steps} steps; raise maxSteps, or check a shorter history`,
    )
  }
  const { partition } = result.window
  const own = history.filter(({ input }) => (model.partition?.(input) ?? null) === partition)
  throw new Error(describeSmallest(shrinkHistory(own, model, result.window)))
}

/** A history in which every answer is part of the contradiction, and the window that shows it. */
interface Smallest<State, Input, Output> {
  readonly history: readonly HistoryOperation<Input, Output>[]
  readonly window: LinearizabilityWindow<State, Input, Output>
  /** How many operations came before, and the state they led to; 0 where it starts as the model does. */
  readonly beforeCount: number
  readonly before: State
}

function shrinkHistory<State, Input, Output>(
  history: readonly HistoryOperation<Input, Output>[],
  model: Model<State, Input, Output>,
  window: LinearizabilityWindow<State, Input, Output>,
): Smallest<State, Input, Output> {
  let best: Smallest<State, Input, Output> = { history, window, beforeCount: 0, before: model.init }
  const accept = (smaller: readonly HistoryOperation<Input, Output>[], before: State, beforeCount: number): number => {
    const result = checkLinearizable(smaller, { ...model, init: before }, { maxSteps: STEPS_EACH })
    if (result.ok === false) best = { history: smaller, window: result.window, beforeCount, before }
    return result.steps
  }
  const { returnedAt } = window.overdue
  if (returnedAt !== null) accept(endAt(history, returnedAt), model.init, 0)
  const start = findStart(best, model)
  if (start !== null) accept(start.history, start.before, start.beforeCount)
  let steps = 0
  // Halves first, then quarters, and single answers at last.
  for (let size = Math.ceil(best.history.length / 2); size >= 1; size = nextSize(size)) {
    for (let from = 0; from < best.history.length; from += size) {
      const chunk = best.history.slice(from, from + size)
      if (steps > SHRINK_STEPS) return best
      if (chunk.every((operation) => operation.returnedAt === null)) continue
      const smaller = best.history.map((operation) => (chunk.includes(operation) ? forgetAnswer(operation) : operation))
      steps += accept(smaller, best.before, best.beforeCount)
    }
  }
  return best
}

/** How many of the latest moments at which nothing was under way are looked at. */
const MAX_STARTS = 20

/** The latest moment, of those looked at, before which everything can only have led to one state. */
function findStart<State, Input, Output>(
  { history, window }: Smallest<State, Input, Output>,
  model: Model<State, Input, Output>,
): Omit<Smallest<State, Input, Output>, "window"> | null {
  const byInvocation = history.toSorted((left, right) => left.invokedAt - right.invokedAt)
  const quiet: number[] = []
  let latestReturn = -Infinity
  byInvocation.forEach(({ invokedAt, returnedAt }, index) => {
    if (index > 0 && latestReturn < invokedAt) quiet.push(index)
    latestReturn = Math.max(latestReturn, returnedAt ?? Infinity)
  })
  for (const index of quiet.slice(-MAX_STARTS).toReversed()) {
    const earlier = byInvocation.slice(0, index)
    // Everything that had returned by then comes first in any order.
    const order = window.prefix.slice(0, index)
    if (order.length < index || !order.every((operation) => earlier.includes(operation))) continue
    const before = order.reduce((state, { input, output }) => {
      const step = model.step(state, input, output)
      return step.ok ? step.state : state
    }, model.init)
    if (isOnlyEnd(earlier, model, before)) {
      return { history: byInvocation.slice(index), beforeCount: index, before }
    }
  }
  return null
}

/** Asked after a history, it is answered only by a state that is another than the one expected. */
const OTHER_STATE: unique symbol = Symbol("another state")

function isOnlyEnd<State, Input, Output>(
  history: readonly HistoryOperation<Input, Output>[],
  model: Model<State, Input, Output>,
  end: State,
): boolean {
  const key = model.key(end)
  const asking: Model<State, Input | typeof OTHER_STATE, Output | null> = {
    init: model.init,
    key: (state) => model.key(state),
    step(state, input, output) {
      if (input === OTHER_STATE) return model.key(state) === key ? { ok: false } : { ok: true, state }
      // Only the question is answered with null by this model; the model's own outputs come with its own inputs.
      return model.step(state, input, output as Output)
    },
  }
  const time = Math.max(...history.map(({ returnedAt }) => returnedAt ?? 0)) + 1
  const question = { actor: "", input: OTHER_STATE, invokedAt: time, returnedAt: time + 1, output: null } as const
  return checkLinearizable([...history, question], asking, { maxSteps: STEPS_EACH }).ok === false
}

function nextSize(size: number): number {
  return size === 1 ? 0 : Math.ceil(size / 2)
}

function endAt<Input, Output>(
  history: readonly HistoryOperation<Input, Output>[],
  time: number,
): HistoryOperation<Input, Output>[] {
  return history
    .filter(({ invokedAt }) => invokedAt <= time)
    .map((operation) =>
      operation.returnedAt !== null && operation.returnedAt > time ? forgetAnswer(operation) : operation,
    )
}

function forgetAnswer<Input, Output>({
  actor,
  input,
  invokedAt,
}: HistoryOperation<Input, Output>): HistoryOperation<Input, Output> {
  return { actor, input, invokedAt, returnedAt: null, output: unseen }
}

function describeSmallest<State, Input, Output>({
  history,
  window,
  beforeCount,
  before,
}: Smallest<State, Input, Output>): string {
  const answered = history.filter(({ returnedAt }) => returnedAt !== null)
  const others = history.length - answered.length
  const these = answered.length === 1 ? "this answer" : `these ${answered.length} answers`
  const rest = others === 0 ? "" : `, whether or not ${others} other${others === 1 ? "" : "s"} took effect`
  const start =
    beforeCount === 0 ? "" : ` after ${beforeCount} operations that led to the state ${JSON.stringify(before)}`
  return [
    `expected a linearizable history, but no order explains ${these}${start}${rest}:`,
    ...answered.map(
      ({ actor, input, invokedAt, returnedAt, output }) =>
        `  ${actor} [${invokedAt}, ${returnedAt ?? "..."}] ${JSON.stringify(input)} -> ${JSON.stringify(output)}`,
    ),
    describeWindow(window),
  ].join("\n")
}

/**
 * Throws unless some serial order that agrees with real time explains the transactions.
 *
 * @throws Error with the transactions that would each have to come before the next
 */
export function assertSerializable(transactions: readonly Transaction[], options: SerializabilityOptions = {}): void {
  const result = checkSerializable(transactions, options)
  if (result.ok) return
  const named = new Set(namesIn(result.anomaly))
  const lines = transactions.flatMap((transaction) =>
    named.has(transaction.id) ? [describeTransaction(transaction)] : [],
  )
  throw new Error(
    ["expected a serializable history, but found that", describeAnomaly(result.anomaly), ...lines].join("\n"),
  )
}

function namesIn(anomaly: SerializabilityAnomaly): readonly string[] {
  if (anomaly.kind === "cycle") return anomaly.cycle.map(({ from }) => from)
  return anomaly.kind === "duplicate" ? anomaly.writers : []
}

function describeTransaction(transaction: Transaction): string {
  if (transaction.kind === "pending") return `  ${transaction.id} never answered`
  const { id, invokedAt, returnedAt, reads, writes } = transaction
  const list = (versions: typeof reads): string =>
    versions.length === 0 ? "nothing" : versions.map(({ cell, version }) => `"${cell}" at ${version}`).join(", ")
  return `  ${id} [${invokedAt}, ${returnedAt}] read ${list(reads)} and wrote ${list(writes)}`
}
