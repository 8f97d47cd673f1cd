import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { assertLinearizable, assertSerializable } from "./assertions.ts"
import { type HistoryOperation, unseen } from "./history.ts"
import { checkLinearizable, type Model } from "./linearizability.ts"
import { type CounterInput, counterModel } from "./models.ts"

type Operation = HistoryOperation<CounterInput, number | null>

function add(actor: string, invokedAt: number, returnedAt: number, output: number, name = "c"): Operation {
  return { actor, invokedAt, returnedAt, input: { kind: "add", name, amount: 1 }, output }
}

function messageOf(check: () => void): string {
  try {
    check()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return "passed"
}

/** A right history of one actor after the other, to put a wrong one behind, or before. */
function countUp(from: number, to: number): Operation[] {
  return Array.from({ length: to - from }, (_, index) => {
    const sum = from + index + 1
    return add(`actor ${sum % 3}`, 10 * sum, 10 * sum + 1, sum)
  })
}

describe("assertLinearizable", () => {
  it("passes what some order explains", () => {
    expect(messageOf(() => assertLinearizable(countUp(0, 20), counterModel))).toBe("passed")
  })

  it("names the answers that contradict each other, and no others, from the state before", () => {
    // Two that overlap both made 9 of 8, long before the end.
    const history = [...countUp(0, 8), add("a", 90, 93, 9), add("b", 91, 92, 9), ...countUp(10, 40)]
    const message = messageOf(() => assertLinearizable(history, counterModel))
    const [head, ...rest] = message.split("\n")
    expect(head).toMatch(
      /^expected a linearizable history, but no order explains these 2 answers after 8 operations that led to the state 8:/,
    )
    expect(rest.filter((line) => line.startsWith("  a [90, 93]")).length).toBeGreaterThan(0)
    expect(rest.filter((line) => line.startsWith("  b [91, 92]")).length).toBeGreaterThan(0)
    const named = rest.slice(
      0,
      rest.findIndex((line) => line.startsWith("not linearizable")),
    )
    expect(named).toHaveLength(2)
    expect(message).not.toContain("[110, 111]")
  })

  it("leaves out most of a long history, too", () => {
    const history = [...countUp(0, 300), add("a", 3010, 3013, 301), add("b", 3011, 3012, 301), ...countUp(302, 400)]
    const lines = messageOf(() => assertLinearizable(history, counterModel)).split("\n")
    const named = lines.slice(
      1,
      lines.findIndex((line) => line.startsWith("not linearizable")),
    )
    expect(named).toHaveLength(2)
    expect(named.filter((line) => /\[301[01], 301[23]\]/.test(line))).toHaveLength(2)
  })

  it("starts at no state that is only one of several", () => {
    // Two writes that overlapped: a register then has either value, and each read alone is right.
    type Input = { readonly write: number } | "read"
    const model: Model<number, Input, number | null> = {
      init: 0,
      key: String,
      step(state, input, output) {
        if (input !== "read") return { ok: true, state: input.write }
        return output === state ? { ok: true, state } : { ok: false }
      },
    }
    const history: HistoryOperation<Input, number | null>[] = [
      { actor: "a", input: { write: 1 }, invokedAt: 0, returnedAt: 3, output: null },
      { actor: "b", input: { write: 2 }, invokedAt: 1, returnedAt: 2, output: null },
      { actor: "a", input: "read", invokedAt: 4, returnedAt: 7, output: 1 },
      { actor: "b", input: "read", invokedAt: 5, returnedAt: 6, output: 2 },
    ]
    // Both reads are needed: from either state, one of them would be wrong by itself.
    const [head, ...rest] = messageOf(() => assertLinearizable(history, model)).split("\n")
    expect(head).not.toContain("that led to the state")
    expect(rest.filter((line) => line.includes('"read" ->')).length).toBeGreaterThanOrEqual(2)
  })

  it("counts what happened on one object only", () => {
    const history = [...countUp(0, 5), add("a", 100, 101, 7, "other")]
    const message = messageOf(() => assertLinearizable(history, counterModel))
    expect(message).toContain("no order explains this answer:")
    expect(message).toContain('not linearizable on "other"')
  })

  it("says so where there is no verdict", () => {
    expect(messageOf(() => assertLinearizable(countUp(0, 20), counterModel, { maxSteps: 3 }))).toMatch(
      /^expected a linearizable history, but found no verdict on its 20 operations within 3 steps; raise maxSteps/,
    )
  })

  it("names answers each of which is needed, and that contradict each other by themselves", () => {
    const operation = fc.record({
      actor: fc.constantFrom("a", "b", "c"),
      at: fc.nat({ max: 12 }),
      takes: fc.integer({ min: 1, max: 6 }),
      output: fc.integer({ min: 1, max: 6 }),
    })
    let failedCount = 0
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 7 }), (operations) => {
        const history = operations.map(({ actor, at, takes, output }) => add(actor, at, at + takes, output))
        const message = messageOf(() => assertLinearizable(history, counterModel))
        const isRight = checkLinearizable(history, counterModel).ok === true
        expect(message === "passed").toBe(isRight)
        if (isRight) return
        failedCount += 1
        const lines = message.split("\n")
        const named = lines.slice(
          1,
          lines.findIndex((line) => line.startsWith("not linearizable")),
        )
        const isNamed = ({ actor, invokedAt, returnedAt, output }: Operation): boolean =>
          named.some(
            (line) =>
              line.startsWith(`  ${actor} [${invokedAt}, ${returnedAt}]`) && line.endsWith(`-> ${String(output)}`),
          )
        const forget = ({ actor, input, invokedAt }: Operation): Operation => {
          return { actor, input, invokedAt, returnedAt: null, output: unseen }
        }
        // What led to the state before is named by its number alone.
        const beforeCount = Number(/after (\d+) operations that led/.exec(lines[0] ?? "")?.[1] ?? 0)
        const sorted = history.toSorted((left, right) => left.invokedAt - right.invokedAt)
        const kept = sorted.map((each, index) => (index < beforeCount || isNamed(each) ? each : forget(each)))
        expect(checkLinearizable(kept, counterModel).ok).toBe(false)
      }),
      { numRuns: 200 },
    )
    expect(failedCount).toBeGreaterThan(50)
  })
})

describe("assertSerializable", () => {
  const transaction = (id: string, time: number, readVersion: number, writtenVersion: number | null) =>
    ({
      kind: "committed",
      id,
      invokedAt: time,
      returnedAt: time + 10,
      reads: [{ cell: "x", version: readVersion }],
      writes: writtenVersion === null ? [] : [{ cell: "x", version: writtenVersion }],
    }) as const

  it("passes what a serial order explains", () => {
    assertSerializable([transaction("one", 0, 0, 1), transaction("two", 20, 1, 2)])
  })

  it("names the transactions that cannot be ordered, with what they read and wrote", () => {
    const message = messageOf(() =>
      assertSerializable([
        transaction("one", 0, 0, 1),
        transaction("late", 20, 0, null),
        transaction("fine", 40, 1, null),
      ]),
    )
    expect(message).toContain("expected a serializable history, but found that\nno serial order")
    expect(message).toContain('  one [0, 10] read "x" at 0 and wrote "x" at 1')
    expect(message).toContain('  late [20, 30] read "x" at 0 and wrote nothing')
    expect(message).not.toContain("  fine")
  })

  it("names who wrote the same version", () => {
    const message = messageOf(() => assertSerializable([transaction("one", 0, 0, 1), transaction("two", 1, 0, 1)]))
    expect(message).toContain('version 1 of "x" was written by each of one, two')
    expect(message).toContain("  two [1, 11]")
  })
})
