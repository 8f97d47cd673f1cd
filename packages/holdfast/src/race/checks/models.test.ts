/** For each object, histories its model must reject (each a bug that was really made somewhere) and accept. */
import { describe, expect, it } from "vitest"
import { unseen, type HistoryOperation } from "./history.ts"
import { checkLinearizable, type Model } from "./linearizability.ts"
import {
  counterModel,
  createSemaphoreModel,
  createSharedLockModel,
  lockModel,
  mapModel,
  queueModel,
  registerModel,
  type CounterInput,
  type LockInput,
  type LockOutput,
  type MapInput,
  type MapOutput,
  type QueueInput,
  type QueueOutput,
  type RegisterInput,
  type RegisterOutput,
  type SemaphoreInput,
  type SharedLockInput,
} from "./models.ts"

/** An operation from its first to its last moment; without a last one, it is pending. */
function op<Input, Output>(
  invokedAt: number,
  returnedAt: number | null,
  input: Input,
  output: Output | typeof unseen,
): HistoryOperation<Input, Output> {
  const actor = "actor"
  if (returnedAt === null || output === unseen) return { actor, invokedAt, returnedAt: null, input, output: unseen }
  return { actor, invokedAt, returnedAt, input, output }
}

function accepts<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly HistoryOperation<Input, Output>[],
): boolean {
  return checkLinearizable(history, model).ok === true
}

describe("the register", () => {
  const write = (value: string): RegisterInput => ({ kind: "write", name: "r", value })
  const compareAndSet = (expectedVersion: number, value: string): RegisterInput => ({
    kind: "compareAndSet",
    name: "r",
    expectedVersion,
    value,
  })
  const read: RegisterInput = { kind: "read", name: "r" }
  const written = (version: number): RegisterOutput => ({ kind: "written", version })
  const value = (version: number, seen: string | null): RegisterOutput => ({ kind: "value", version, value: seen })
  const conflict: RegisterOutput = { kind: "conflict" }

  it("rejects a stale read after the write returned", () => {
    const first = [op(0, 1, write("a"), written(1)), op(2, 3, write("b"), written(2))]
    expect(accepts(registerModel, [...first, op(4, 5, read, value(1, "a"))])).toBe(false)
    expect(accepts(registerModel, [...first, op(4, 5, read, value(2, "b"))])).toBe(true)
  })

  it("accepts the old value from a read that overlaps the write, but never old after new", () => {
    const writing = op(0, 10, write("a"), written(1))
    const old = op(1, 2, read, value(0, null))
    const fresh = op(3, 4, read, value(1, "a"))
    expect(accepts(registerModel, [writing, old, fresh])).toBe(true)
    expect(accepts(registerModel, [writing, fresh, op(5, 6, read, value(0, null))])).toBe(false)
  })

  it("rejects a version without its value, and a value without its version", () => {
    const first = op(0, 1, write("a"), written(1))
    expect(accepts(registerModel, [first, op(2, 3, read, value(1, "b"))])).toBe(false)
    expect(accepts(registerModel, [first, op(2, 3, read, value(2, "a"))])).toBe(false)
    expect(accepts(registerModel, [first, op(2, 3, read, written(1))])).toBe(false)
  })

  it("rejects a lost update: two writers given the same version", () => {
    expect(accepts(registerModel, [op(0, 2, write("a"), written(1)), op(1, 3, write("b"), written(1))])).toBe(false)
    expect(accepts(registerModel, [op(0, 2, write("a"), written(2)), op(1, 3, write("b"), written(1))])).toBe(true)
  })

  it("rejects two compare-and-sets that both won on one version, and a skipped version", () => {
    const won = [op(0, 3, compareAndSet(0, "a"), written(1))]
    expect(accepts(registerModel, [...won, op(1, 2, compareAndSet(0, "b"), written(1))])).toBe(false)
    expect(accepts(registerModel, [...won, op(1, 2, compareAndSet(0, "b"), conflict)])).toBe(true)
    expect(accepts(registerModel, [op(0, 1, compareAndSet(0, "a"), written(2))])).toBe(false)
  })

  it("rejects a conflict that nothing caused", () => {
    expect(accepts(registerModel, [op(0, 1, compareAndSet(0, "a"), conflict)])).toBe(false)
    expect(accepts(registerModel, [op(0, 1, write("a"), conflict)])).toBe(false)
  })

  it("lets what never returned have written, or have lost its race", () => {
    const lost = op<RegisterInput, RegisterOutput>(0, null, compareAndSet(0, "a"), unseen)
    const lostRead = op<RegisterInput, RegisterOutput>(0, null, read, unseen)
    expect(accepts(registerModel, [lostRead, lost, op(1, 2, read, value(1, "a"))])).toBe(true)
    expect(accepts(registerModel, [lost, op(1, 2, write("b"), written(1)), op(3, 4, read, value(2, "a"))])).toBe(false)
    expect(accepts(registerModel, [lost, op(1, 2, write("b"), written(1)), op(3, 4, read, value(1, "b"))])).toBe(true)
  })
})

describe("the counter", () => {
  const add = (amount: number): CounterInput => ({ kind: "add", name: "c", amount })
  const read: CounterInput = { kind: "read", name: "c" }

  it("rejects a lost update", () => {
    const adds = [op(0, 2, add(1), null), op(1, 3, add(1), null)]
    expect(accepts(counterModel, [...adds, op(4, 5, read, 1)])).toBe(false)
    expect(accepts(counterModel, [...adds, op(4, 5, read, 2)])).toBe(true)
  })

  it("rejects two additions that made the same sum, and a read that does not tell", () => {
    expect(accepts(counterModel, [op(0, 2, add(1), 1), op(1, 3, add(1), 1)])).toBe(false)
    expect(accepts(counterModel, [op(0, 1, read, null)])).toBe(false)
  })
})

const granted = (token: number): LockOutput => ({ kind: "granted", token })
const released: LockOutput = { kind: "released" }
const notHeld: LockOutput = { kind: "notHeld" }
const busy: LockOutput = { kind: "busy" }
const gaveUp: LockOutput = { kind: "gaveUp" }
const release = (token: number): { kind: "release"; name: string; token: number } => ({
  kind: "release",
  name: "l",
  token,
})
const end = (holder: string): { kind: "end"; name: string; holder: string } => ({ kind: "end", name: "l", holder })

describe("the lock", () => {
  const acquire = (holder: string, name = "l"): LockInput => ({ kind: "acquire", name, holder })

  it("rejects two holders at a time (L1)", () => {
    const history = [op(0, 1, acquire("a"), granted(1)), op(2, 3, acquire("b"), granted(2))]
    expect(accepts(lockModel, history)).toBe(false)
    expect(accepts(lockModel, [...history, op(4, 5, release(1), released)])).toBe(false)
  })

  it("accepts a second holder granted while the first one's release is under way, not before it began", () => {
    const first = op(0, 1, acquire("a"), granted(1))
    expect(accepts(lockModel, [first, op(2, 6, release(1), released), op(3, 4, acquire("b"), granted(2))])).toBe(true)
    expect(accepts(lockModel, [first, op(5, 6, release(1), released), op(3, 4, acquire("b"), granted(2))])).toBe(false)
  })

  it("rejects a token used twice, or one lower than an earlier one (L2)", () => {
    const first = [op(0, 1, acquire("a"), granted(5)), op(2, 3, release(5), released)]
    expect(accepts(lockModel, [...first, op(4, 5, acquire("b"), granted(5))])).toBe(false)
    expect(accepts(lockModel, [...first, op(4, 5, acquire("b"), granted(4))])).toBe(false)
    expect(accepts(lockModel, [...first, op(4, 5, acquire("b"), granted(9))])).toBe(true)
  })

  it("rejects a stranger's release that succeeds, and a holder's that does not (L5)", () => {
    const first = op(0, 1, acquire("a"), granted(1))
    expect(accepts(lockModel, [first, op(2, 3, release(7), released)])).toBe(false)
    expect(accepts(lockModel, [first, op(2, 3, release(1), notHeld)])).toBe(false)
    expect(accepts(lockModel, [first, op(2, 3, release(7), notHeld), op(4, 5, acquire("b"), granted(2))])).toBe(false)
    const twice = [first, op(2, 3, release(1), released), op(4, 5, release(1), notHeld)]
    expect(accepts(lockModel, twice)).toBe(true)
    expect(accepts(lockModel, [...twice.slice(0, 2), op(4, 5, release(1), released)])).toBe(false)
  })

  it("rejects a try that found a free lock busy, and takes giving up for no grant", () => {
    expect(accepts(lockModel, [op(0, 1, acquire("a"), busy)])).toBe(false)
    expect(accepts(lockModel, [op(0, 1, acquire("a"), granted(1)), op(2, 3, acquire("b"), busy)])).toBe(true)
    expect(accepts(lockModel, [op(0, 1, acquire("a"), gaveUp), op(2, 3, acquire("b"), granted(1))])).toBe(true)
  })

  it("frees what a holder had when its session ends, also what it never knew of (L6)", () => {
    const unknown = op<LockInput, LockOutput>(0, null, acquire("a"), unseen)
    const ended: LockOutput = { kind: "ended" }
    const next = op<LockInput, LockOutput>(5, 6, acquire("b"), granted(2))
    expect(accepts(lockModel, [unknown, op(1, 2, acquire("c"), busy), op(3, 4, end("a"), ended), next])).toBe(true)
    expect(accepts(lockModel, [unknown, op(1, 2, acquire("c"), busy), op(3, 4, end("b"), ended), next])).toBe(false)
    expect(accepts(lockModel, [op(0, 1, acquire("a"), granted(1)), op(3, 4, end("a"), ended), next])).toBe(true)
    expect(accepts(lockModel, [op(0, 1, end("a"), released)])).toBe(false)
  })

  it("keeps locks of other names apart", () => {
    expect(accepts(lockModel, [op(0, 1, acquire("a", "x"), granted(1)), op(2, 3, acquire("b", "y"), granted(2))])).toBe(
      true,
    )
  })
})

describe("the shared-exclusive lock", () => {
  const acquire = (holder: string, mode: "exclusive" | "shared"): SharedLockInput => ({
    kind: "acquire",
    name: "l",
    holder,
    mode,
  })
  const model = createSharedLockModel()

  it("accepts many readers, and rejects a writer among them (L1)", () => {
    const readers = [1, 2, 3].map((token) => op(token, token + 0.5, acquire(`r${token}`, "shared"), granted(token)))
    expect(accepts(model, readers)).toBe(true)
    expect(accepts(model, [...readers, op(5, 6, acquire("w", "exclusive"), granted(4))])).toBe(false)
    const leaving = [1, 2, 3].map((token) => op(10 + token, 10.5 + token, release(token), released))
    expect(accepts(model, [...readers, ...leaving, op(20, 21, acquire("w", "exclusive"), granted(4))])).toBe(true)
    const twoLeaving = leaving.slice(0, 2)
    expect(accepts(model, [...readers, ...twoLeaving, op(20, 21, acquire("w", "exclusive"), granted(4))])).toBe(false)
  })

  it("rejects a reader, and a second writer, beside a writer (L1)", () => {
    const writer = op(0, 1, acquire("w", "exclusive"), granted(1))
    expect(accepts(model, [writer, op(2, 3, acquire("r", "shared"), granted(2))])).toBe(false)
    expect(accepts(model, [writer, op(2, 3, acquire("v", "exclusive"), granted(2))])).toBe(false)
  })

  it("rejects one reader more than the limit (L1)", () => {
    const limited = createSharedLockModel(2)
    const readers = [1, 2, 3].map((token) => op(token, token + 0.5, acquire(`r${token}`, "shared"), granted(token)))
    expect(accepts(limited, readers.slice(0, 2))).toBe(true)
    expect(accepts(limited, readers)).toBe(false)
    expect(accepts(limited, [...readers.slice(0, 1), op(5, 6, acquire("w", "exclusive"), granted(4))])).toBe(false)
    expect(accepts(limited, [op(5, 6, acquire("w", "exclusive"), granted(4))])).toBe(true)
  })

  it("rejects a token shared by two readers (L2)", () => {
    const readers = [op(0, 1, acquire("a", "shared"), granted(1)), op(2, 3, acquire("b", "shared"), granted(1))]
    expect(accepts(model, readers)).toBe(false)
  })
})

describe("the semaphore", () => {
  const acquire = (holder: string, permits: number): SemaphoreInput => ({ kind: "acquire", name: "l", holder, permits })
  const model = createSemaphoreModel(3)

  it("rejects more permits than its limit, and accepts them up to it (L1)", () => {
    const first = [op(0, 1, acquire("a", 2), granted(1)), op(2, 3, acquire("b", 1), granted(2))]
    expect(accepts(model, first)).toBe(true)
    expect(accepts(model, [...first, op(4, 5, acquire("c", 1), granted(3))])).toBe(false)
    const freed = [...first, op(4, 5, release(1), released)]
    expect(accepts(model, [...freed, op(6, 7, acquire("c", 2), granted(3))])).toBe(true)
    expect(accepts(model, [...freed, op(6, 7, acquire("c", 3), granted(3))])).toBe(false)
  })
})

describe("the queue", () => {
  const enqueue = (value: string): QueueInput => ({ kind: "enqueue", name: "q", value })
  const dequeue: QueueInput = { kind: "dequeue", name: "q" }
  const enqueued: QueueOutput = { kind: "enqueued" }
  const dequeued = (value: string): QueueOutput => ({ kind: "dequeued", value })

  it("rejects a reordering of what was enqueued one after the other", () => {
    const first = [op(0, 1, enqueue("a"), enqueued), op(2, 3, enqueue("b"), enqueued)]
    expect(accepts(queueModel, [...first, op(4, 5, dequeue, dequeued("b"))])).toBe(false)
    expect(accepts(queueModel, [...first, op(4, 5, dequeue, dequeued("a"))])).toBe(true)
  })

  it("accepts either order of what was enqueued at once", () => {
    const first = [op(0, 3, enqueue("a"), enqueued), op(1, 2, enqueue("b"), enqueued)]
    expect(accepts(queueModel, [...first, op(4, 5, dequeue, dequeued("b"))])).toBe(true)
    expect(accepts(queueModel, [...first, op(4, 5, dequeue, dequeued("a"))])).toBe(true)
  })

  it("rejects an item taken twice, one that nobody put in, and one that vanished", () => {
    const first = op<QueueInput, QueueOutput>(0, 1, enqueue("a"), enqueued)
    const twice = [op(2, 4, dequeue, dequeued("a")), op(3, 5, dequeue, dequeued("a"))]
    expect(accepts(queueModel, [first, ...twice])).toBe(false)
    expect(accepts(queueModel, [op(2, 4, dequeue, dequeued("a"))])).toBe(false)
    expect(accepts(queueModel, [first, op(2, 3, dequeue, { kind: "empty" })])).toBe(false)
    expect(accepts(queueModel, [op(2, 3, dequeue, { kind: "empty" })])).toBe(true)
    expect(accepts(queueModel, [op(0, 1, enqueue("a"), { kind: "empty" })])).toBe(false)
  })
})

describe("the map", () => {
  const get = (key: string): MapInput => ({ kind: "get", key })
  const set = (key: string, value: string): MapInput => ({ kind: "set", key, value })
  const remove = (key: string): MapInput => ({ kind: "delete", key })
  const absent: MapOutput = { kind: "absent" }
  const value = (seen: string | null): MapOutput => ({ kind: "value", value: seen })

  it("rejects a key that came back after its deletion, and one that another key's write removed", () => {
    const first = [op(0, 1, set("k", "a"), absent), op(2, 3, remove("k"), value("a"))]
    expect(accepts(mapModel, [...first, op(4, 5, get("k"), value("a"))])).toBe(false)
    expect(accepts(mapModel, [...first, op(4, 5, get("k"), absent)])).toBe(true)
    expect(accepts(mapModel, [...first.slice(0, 1), op(2, 3, set("j", "b"), absent), op(4, 5, get("k"), absent)])).toBe(
      false,
    )
  })

  it("rejects two writers that both replaced the same value, and tells null from absent", () => {
    expect(accepts(mapModel, [op(0, 2, set("k", "a"), absent), op(1, 3, set("k", "b"), absent)])).toBe(false)
    expect(accepts(mapModel, [op(0, 2, set("k", "a"), value("b")), op(1, 3, set("k", "b"), absent)])).toBe(true)
    expect(accepts(mapModel, [op(0, 1, get("k"), value(null))])).toBe(false)
    expect(accepts(mapModel, [op(0, 1, set("k", "a"), absent), op(2, 3, get("k"), value("b"))])).toBe(false)
  })
})
