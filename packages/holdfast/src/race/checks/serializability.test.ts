import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  checkSerializable,
  describeAnomaly,
  type CellVersion,
  type CommittedTransaction,
  type Transaction,
} from "./serializability.ts"

/** A committed transaction from the versions it read and wrote, such as `x1`. */
function tx(id: string, moments: readonly [number, number], reads: string, writes: string): CommittedTransaction {
  const [invokedAt, returnedAt] = moments
  return { kind: "committed", id, invokedAt, returnedAt, reads: parse(reads), writes: parse(writes) }
}

function parse(versions: string): CellVersion[] {
  return versions
    .split(" ")
    .filter((text) => text !== "")
    .map((text) => ({ cell: text.slice(0, 1), version: Number(text.slice(1)) }))
}

function anomalyOf(transactions: readonly Transaction[]): string {
  const result = checkSerializable(transactions)
  return result.ok ? "none" : result.anomaly.kind
}

describe("checkSerializable", () => {
  it("accepts an empty history", () => {
    expect(checkSerializable([])).toEqual({ ok: true, order: [] })
  })

  it("accepts concurrent transactions and gives their order", () => {
    const result = checkSerializable([
      tx("last", [0, 10], "x2 y1", ""),
      tx("second", [1, 9], "x1", "x2"),
      tx("first", [2, 8], "x0 y0", "x1 y1"),
    ])
    expect(result).toEqual({ ok: true, order: ["first", "second", "last"] })
  })

  it("rejects a lost update, whether the version is used twice or skipped over", () => {
    expect(checkSerializable([tx("a", [0, 2], "x0", "x1"), tx("b", [1, 3], "x0", "x1")])).toEqual({
      ok: false,
      anomaly: { kind: "duplicate", cell: "x", version: 1, writers: ["a", "b"] },
    })
    const result = checkSerializable([tx("a", [0, 2], "x0", "x1"), tx("b", [1, 3], "x0", "x2")])
    expect(result).toMatchObject({ ok: false, anomaly: { kind: "cycle" } })
  })

  it("rejects write skew and names the cycle", () => {
    const result = checkSerializable([tx("a", [0, 2], "x0 y0", "x1"), tx("b", [1, 3], "x0 y0", "y1")])
    if (result.ok) throw new Error("expected an anomaly")
    if (result.anomaly.kind !== "cycle") throw new Error("expected a cycle")
    expect(result.anomaly.cycle).toHaveLength(2)
    expect(result.anomaly.cycle).toContainEqual({ kind: "rw", from: "a", to: "b", cell: "y", version: 1 })
    expect(result.anomaly.cycle).toContainEqual({ kind: "rw", from: "b", to: "a", cell: "x", version: 1 })
    expect(describeAnomaly(result.anomaly)).toContain('a before b: it read a version before version 1 of "y"')
  })

  it("rejects a torn read of two cells that change together", () => {
    const writer = tx("w", [0, 3], "x0 y0", "x1 y1")
    expect(anomalyOf([writer, tx("r", [1, 2], "x1 y0", "")])).toBe("cycle")
    expect(anomalyOf([writer, tx("r", [1, 2], "x1 y1", "")])).toBe("none")
  })

  it("rejects a cell read at two versions by one transaction", () => {
    expect(anomalyOf([tx("w", [0, 3], "x0", "x1"), tx("r", [1, 2], "x0 x1", "")])).toBe("cycle")
  })

  it("rejects a stale read, which only real time forbids, and names the two", () => {
    const others = Array.from({ length: 20 }, (_, index) =>
      tx(`other ${index}`, [2 + 2 * index, 3 + 2 * index], `z${index}`, `z${index + 1}`),
    )
    const result = checkSerializable([tx("writer", [0, 1], "x0", "x1"), ...others, tx("reader", [100, 101], "x0", "")])
    if (result.ok || result.anomaly.kind !== "cycle") throw new Error("expected a cycle")
    expect(result.anomaly.cycle).toHaveLength(2)
    expect(result.anomaly.cycle).toContainEqual({ kind: "realtime", from: "writer", to: "reader" })
    expect(result.anomaly.cycle).toContainEqual({ kind: "rw", from: "reader", to: "writer", cell: "x", version: 1 })
    expect(describeAnomaly(result.anomaly)).toContain("writer before reader: it had returned")
    expect(anomalyOf([tx("writer", [0, 1], "x0", "x1"), tx("reader", [1, 2], "x0", "")])).toBe("none")
  })

  it("prefers what real time says directly to a detour, however much happened in between", () => {
    const others = Array.from({ length: 20 }, (_, index) =>
      tx(`other ${index}`, [4 + 2 * index, 5 + 2 * index], "", ""),
    )
    const result = checkSerializable([
      tx("writer", [0, 1], "", "x1 y1"),
      tx("detour", [2, 3], "y1", "z1"),
      ...others,
      tx("reader", [100, 101], "x0 z1", ""),
    ])
    if (result.ok || result.anomaly.kind !== "cycle") throw new Error("expected a cycle")
    expect(result.anomaly.cycle.map((edge) => edge.kind).toSorted()).toEqual(["realtime", "rw"])
  })

  it("rejects a read from the future: a version whose writer began after the reader had returned", () => {
    expect(anomalyOf([tx("r", [0, 1], "x1", ""), tx("w", [2, 3], "x0", "x1")])).toBe("cycle")
  })

  it("rejects a version nobody wrote, unless a pending transaction can have", () => {
    const reader = tx("r", [0, 1], "x1", "")
    expect(checkSerializable([reader])).toEqual({ ok: false, anomaly: { kind: "unwritten", cell: "x", version: 1 } })
    expect(anomalyOf([reader, { kind: "pending", id: "p", cells: ["y"] }])).toBe("unwritten")
    expect(anomalyOf([reader, { kind: "pending", id: "p", cells: ["x"] }])).toBe("none")
    const skipped = [tx("a", [0, 1], "", "x1"), tx("b", [2, 3], "", "x4")]
    expect(anomalyOf([...skipped, { kind: "pending", id: "p", cells: ["x"] }])).toBe("unwritten")
    const two = ["p", "q"].map((id): Transaction => ({ kind: "pending", id, cells: ["x"] }))
    expect(anomalyOf([...skipped, ...two])).toBe("none")
  })

  it("orders readers around a version whose writer is unknown", () => {
    const pending: Transaction = { kind: "pending", id: "p", cells: ["x"] }
    const writers = [tx("w1", [0, 1], "x0", "x1"), tx("w3", [6, 7], "x2", "x3")]
    expect(anomalyOf([...writers, pending, tx("r", [4, 5], "x2", "")])).toBe("none")
    expect(anomalyOf([...writers, pending, tx("r", [8, 9], "x2", "")])).toBe("cycle")
  })

  it("starts from the versions the cells had", () => {
    const history = [tx("a", [0, 1], "x7", "x8")]
    expect(anomalyOf(history)).toBe("unwritten")
    expect(checkSerializable(history, { initialVersion: () => 7 })).toEqual({ ok: true, order: ["a"] })
    expect(checkSerializable(history, { initialVersion: () => 8 })).toMatchObject({
      ok: false,
      anomaly: { kind: "unwritten", version: 8 },
    })
  })

  it("takes a commit known from elsewhere than its answer", () => {
    expect(anomalyOf([tx("a", [0, Infinity], "x0", "x1"), tx("r", [5, 6], "x0", ""), tx("s", [7, 8], "x1", "")])).toBe(
      "none",
    )
  })

  it("refuses a recording that cannot be one", () => {
    expect(() => checkSerializable([tx("a", [0, 1], "", "x1 x2")])).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    )
    expect(() => checkSerializable([tx("a", [0, 1], "", ""), tx("a", [0, 1], "", "")])).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    )
  })

  it("renders every anomaly", () => {
    expect(describeAnomaly({ kind: "unwritten", cell: "x", version: 3 })).toBe('version 3 of "x" was written by nobody')
    expect(describeAnomaly({ kind: "duplicate", cell: "x", version: 3, writers: ["a", "b"] })).toContain("a, b")
  })

  it("agrees with trying every order, on random histories", () => {
    const verdicts = { passed: 0, failed: 0 }
    fc.assert(
      fc.property(historyArbitrary(), (transactions) => {
        const result = checkSerializable(transactions)
        expect(result.ok).toBe(findOrderByDefinition(transactions))
        if (result.ok) {
          verdicts.passed += 1
          const byId = new Map(transactions.map((transaction) => [transaction.id, transaction]))
          expect(isSerialOrder(result.order.map((id) => byId.get(id)!))).toBe(true)
        } else verdicts.failed += 1
      }),
      { numRuns: 1_500 },
    )
    expect(verdicts.passed).toBeGreaterThan(100)
    expect(verdicts.failed).toBeGreaterThan(100)
  })
})

/** Runs random transactions one after the other, then stretches their moments and sometimes corrupts a version. */
function historyArbitrary(): fc.Arbitrary<CommittedTransaction[]> {
  const access = fc.record({
    cell: fc.constantFrom("x", "y"),
    isWrite: fc.boolean(),
    skew: fc.integer({ min: 0, max: 9 }),
  })
  const plan = fc.record({
    accesses: fc.array(access, { minLength: 1, maxLength: 3 }),
    before: fc.integer({ min: 0, max: 25 }),
    after: fc.integer({ min: 0, max: 25 }),
  })
  return fc.array(plan, { minLength: 1, maxLength: 5 }).map((plans) => {
    const versions = new Map<string, number>()
    return plans.map(({ accesses, before, after }, index) => {
      const reads: CellVersion[] = []
      const writes: CellVersion[] = []
      for (const { cell, isWrite, skew } of accesses) {
        const current = versions.get(cell) ?? 0
        reads.push({ cell, version: Math.max(0, current - (skew === 0 ? 1 : 0)) })
        if (!isWrite || writes.some((write) => write.cell === cell)) continue
        versions.set(cell, current + 1)
        writes.push({ cell, version: current + 1 })
      }
      return {
        kind: "committed",
        id: `t${index}`,
        invokedAt: 10 * index - before,
        returnedAt: 10 * index + after,
        reads,
        writes,
      }
    })
  })
}

function findOrderByDefinition(transactions: readonly CommittedTransaction[]): boolean {
  function extend(order: readonly CommittedTransaction[]): boolean {
    if (order.length === transactions.length) return isSerialOrder(order)
    return transactions.some((next) => !order.includes(next) && extend([...order, next]))
  }
  return extend([])
}

/** Whether each transaction, run alone in this order, would read and write what it says, and time agrees. */
function isSerialOrder(order: readonly CommittedTransaction[]): boolean {
  const versions = new Map<string, number>()
  return order.every(({ reads, writes, invokedAt }, index) => {
    if (order.slice(index + 1).some((later) => later.returnedAt < invokedAt)) return false
    // A transaction may read what it wrote itself, before or after it did.
    const own = new Map(writes.map(({ cell, version }) => [cell, version]))
    const isRead = reads.every(({ cell, version }) => [versions.get(cell) ?? 0, own.get(cell)].includes(version))
    const isWritten = writes.every(({ cell, version }) => version === (versions.get(cell) ?? 0) + 1)
    for (const { cell, version } of writes) versions.set(cell, version)
    return isRead && isWritten
  })
}
