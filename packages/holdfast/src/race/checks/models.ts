/**
 * Sequential models of what Holdfast offers, for {@link checkLinearizable}: what each object answers when it is asked one
 * thing at a time. Every input names its object, and each object is checked by itself.
 *
 * The lock models cite the invariants they stand for: L1 (exclusion, limits), L2 (tokens strictly increase), L5 (only
 * the grant itself releases, twice is a no-op), L6 (the end of a session frees what it held), and C1 for registers.
 */
import { unreachable } from "../../kernel/assert.ts"
import { unseen, type Unseen } from "./history.ts"
import type { Model, ModelStep } from "./linearizability.ts"

/** A value a model can hold: compared by value, and told apart by its JSON. */
export type Scalar = string | number | boolean | null

const refused: ModelStep<never> = { ok: false }

// ---- register -------------------------------------------------------------------------------------------------------

/** What a versioned register is asked. */
export type RegisterInput =
  | { readonly kind: "read"; readonly name: string }
  | { readonly kind: "write"; readonly name: string; readonly value: Scalar }
  | { readonly kind: "compareAndSet"; readonly name: string; readonly expectedVersion: number; readonly value: Scalar }

/** What it answers: `value` to a read, `written` or, for a compare-and-set that lost its race, `conflict`. */
export type RegisterOutput =
  | { readonly kind: "value"; readonly version: number; readonly value: Scalar }
  | { readonly kind: "written"; readonly version: number }
  | { readonly kind: "conflict" }

/** A register and how often it was written. */
export interface RegisterState {
  readonly version: number
  readonly value: Scalar
}

/** A register whose every write advances its version by exactly one (C1). It starts at version 0 with no value. */
export const registerModel: Model<RegisterState, RegisterInput, RegisterOutput> = {
  init: { version: 0, value: null },
  key: ({ version, value }) => `${version} ${JSON.stringify(value)}`,
  partition: (input) => input.name,
  step: stepRegister,
}

function stepRegister(
  state: RegisterState,
  input: RegisterInput,
  output: RegisterOutput | Unseen,
): ModelStep<RegisterState> {
  if (input.kind === "read") {
    if (output === unseen) return { ok: true, state }
    const isCurrent = output.kind === "value" && output.version === state.version && output.value === state.value
    return isCurrent ? { ok: true, state } : refused
  }
  if (input.kind === "compareAndSet" && input.expectedVersion !== state.version) {
    return output === unseen || output.kind === "conflict" ? { ok: true, state } : refused
  }
  const written = { version: state.version + 1, value: input.value }
  const isRight = output === unseen || (output.kind === "written" && output.version === written.version)
  return isRight ? { ok: true, state: written } : refused
}

// ---- counter --------------------------------------------------------------------------------------------------------

/** What a counter is asked. */
export type CounterInput =
  | { readonly kind: "add"; readonly name: string; readonly amount: number }
  | { readonly kind: "read"; readonly name: string }

/** A counter that starts at 0. Both inputs output the sum, an `add` the one it made; null is an `add` that does not tell. */
export const counterModel: Model<number, CounterInput, number | null> = {
  init: 0,
  key: (sum) => `${sum}`,
  partition: (input) => input.name,
  step(sum, input, output) {
    const after = input.kind === "add" ? sum + input.amount : sum
    const isRight = output === unseen || output === after || (output === null && input.kind === "add")
    return isRight ? { ok: true, state: after } : refused
  },
}

// ---- locks ----------------------------------------------------------------------------------------------------------

/** How a grant ends. `end` says that the holder's session is over, which gives back what it held of this name (L6). */
export type ReleaseInput =
  | { readonly kind: "release"; readonly name: string; readonly token: number }
  | { readonly kind: "end"; readonly name: string; readonly holder: string }

/** What an exclusive lock is asked. */
export type LockInput = { readonly kind: "acquire"; readonly name: string; readonly holder: string } | ReleaseInput

/** What a lock with modes is asked. */
export type SharedLockInput =
  | {
      readonly kind: "acquire"
      readonly name: string
      readonly holder: string
      readonly mode: "exclusive" | "shared"
    }
  | ReleaseInput

/** What a semaphore is asked. */
export type SemaphoreInput =
  { readonly kind: "acquire"; readonly name: string; readonly holder: string; readonly permits: number } | ReleaseInput

/**
 * What the locks answer. To `acquire`: `granted`; `busy` from a try that found it held; `gaveUp` when the wait was
 * canceled or timed out. To `release`: `released`, or `notHeld` for a stranger or a second time. To `end`: `ended`.
 */
export type LockOutput =
  | { readonly kind: "granted"; readonly token: number }
  | { readonly kind: "busy" | "gaveUp" | "released" | "notHeld" | "ended" }

/** A live grant. Its token is null when nobody saw the answer that carried it. */
export interface ModelGrant {
  readonly token: number | null
  readonly holder: string
  readonly weight: number
}

/** The live grants of a lock, and the highest token seen so far. */
export interface GrantState {
  readonly lastToken: number
  readonly grants: readonly ModelGrant[]
}

/** Larger than any number of permits in use, and small enough that sums of it are exact. */
const UNLIMITED = 2 ** 40

/** An exclusive lock: one grant at a time, tokens strictly increasing. */
export const lockModel: Model<GrantState, LockInput, LockOutput> = createGrantModel(1, () => 1)

/** A shared-exclusive lock: one exclusive grant, or shared ones, at most `limit` of them. */
export function createSharedLockModel(limit: number = UNLIMITED): Model<GrantState, SharedLockInput, LockOutput> {
  return createGrantModel(limit, (input) => (input.mode === "exclusive" ? limit : 1))
}

/** A semaphore: the permits of all live grants never exceed `limit`. */
export function createSemaphoreModel(limit: number): Model<GrantState, SemaphoreInput, LockOutput> {
  return createGrantModel(limit, (input) => input.permits)
}

interface AcquireInput {
  readonly kind: "acquire"
  readonly name: string
  readonly holder: string
}

/** All locks are one: a grant weighs something, and the live ones together weigh at most the limit (L1). */
function createGrantModel<Acquire extends AcquireInput>(
  limit: number,
  weigh: (input: Acquire) => number,
): Model<GrantState, Acquire | ReleaseInput, LockOutput> {
  return {
    init: { lastToken: 0, grants: [] },
    key: ({ lastToken, grants }) =>
      `${lastToken} ${JSON.stringify(grants.map(({ token, holder, weight }) => [token, holder, weight]))}`,
    partition: (input) => input.name,
    step(state, input, output) {
      switch (input.kind) {
        case "acquire":
          return stepAcquire(state, limit, { token: null, holder: input.holder, weight: weigh(input) }, output)
        case "release":
          return stepRelease(state, input.token, output)
        case "end":
          return output === unseen || output.kind === "ended"
            ? { ok: true, state: endHolder(state, input.holder) }
            : refused
        default:
          return unreachable(input)
      }
    },
  }
}

function stepAcquire(
  state: GrantState,
  limit: number,
  grant: ModelGrant,
  output: LockOutput | Unseen,
): ModelStep<GrantState> {
  if (output !== unseen && output.kind === "gaveUp") return { ok: true, state }
  // A try may also be turned away by a queue (L3), which the model does not see; but a queue needs somebody who holds.
  if (output !== unseen && output.kind === "busy") return state.grants.length > 0 ? { ok: true, state } : refused
  const usedWeight = state.grants.reduce((sum, live) => sum + live.weight, 0)
  if (usedWeight + grant.weight > limit) return refused
  if (output === unseen) return { ok: true, state: { ...state, grants: [...state.grants, grant] } }
  if (output.kind !== "granted" || output.token <= state.lastToken) return refused
  const granted = { ...grant, token: output.token }
  return { ok: true, state: { lastToken: output.token, grants: [...state.grants, granted] } }
}

function stepRelease(state: GrantState, token: number, output: LockOutput | Unseen): ModelStep<GrantState> {
  const grants = state.grants.filter((grant) => grant.token !== token)
  const isHeld = grants.length < state.grants.length
  if (output !== unseen && output.kind !== (isHeld ? "released" : "notHeld")) return refused
  return { ok: true, state: isHeld ? { ...state, grants } : state }
}

function endHolder(state: GrantState, holder: string): GrantState {
  const grants = state.grants.filter((grant) => grant.holder !== holder)
  return grants.length < state.grants.length ? { ...state, grants } : state
}

// ---- queue ----------------------------------------------------------------------------------------------------------

/** What a first-in first-out queue is asked. */
export type QueueInput =
  | { readonly kind: "enqueue"; readonly name: string; readonly value: Scalar }
  | { readonly kind: "dequeue"; readonly name: string }

/** What it answers. */
export type QueueOutput =
  { readonly kind: "enqueued" } | { readonly kind: "dequeued"; readonly value: Scalar } | { readonly kind: "empty" }

/** A first-in first-out queue. A step costs as much as the queue is long: keep it short in long histories. */
export const queueModel: Model<readonly Scalar[], QueueInput, QueueOutput> = {
  init: [],
  key: (values) => JSON.stringify(values),
  partition: (input) => input.name,
  step(values, input, output) {
    if (input.kind === "enqueue") {
      const isRight = output === unseen || output.kind === "enqueued"
      return isRight ? { ok: true, state: [...values, input.value] } : refused
    }
    const [first, ...rest] = values
    if (first === undefined) {
      return output === unseen || output.kind === "empty" ? { ok: true, state: values } : refused
    }
    const isRight = output === unseen || (output.kind === "dequeued" && output.value === first)
    return isRight ? { ok: true, state: rest } : refused
  },
}

// ---- map ------------------------------------------------------------------------------------------------------------

/** What a map is asked. There is no question about all keys at once, so that each key is an object of its own. */
export type MapInput =
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "set"; readonly key: string; readonly value: Scalar }
  | { readonly kind: "delete"; readonly key: string }

/** What stood at the key before the operation. */
export type MapOutput = { readonly kind: "value"; readonly value: Scalar } | { readonly kind: "absent" }

/** A map from keys to values. Every input outputs what stood at its key before. */
export const mapModel: Model<MapOutput, MapInput, MapOutput> = {
  init: { kind: "absent" },
  key: (slot) => (slot.kind === "absent" ? "absent" : `value ${JSON.stringify(slot.value)}`),
  partition: (input) => input.key,
  step(slot, input, output) {
    if (output !== unseen && !isSameSlot(output, slot)) return refused
    switch (input.kind) {
      case "get":
        return { ok: true, state: slot }
      case "set":
        return { ok: true, state: { kind: "value", value: input.value } }
      case "delete":
        return { ok: true, state: { kind: "absent" } }
      default:
        return unreachable(input)
    }
  },
}

function isSameSlot(left: MapOutput, right: MapOutput): boolean {
  if (left.kind === "absent" || right.kind === "absent") return left.kind === right.kind
  return left.value === right.value
}
