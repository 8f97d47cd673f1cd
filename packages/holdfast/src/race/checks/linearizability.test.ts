import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { unseen, type HistoryOperation } from "./history.ts"
import { checkLinearizable, describeWindow, type Model } from "./linearizability.ts"
import {
  counterModel,
  queueModel,
  registerModel,
  type CounterInput,
  type QueueInput,
  type QueueOutput,
  type RegisterInput,
  type RegisterOutput,
  type RegisterState,
} from "./models.ts"

function returned<Input, Output>(
  actor: string,
  [invokedAt, returnedAt]: readonly [number, number],
  input: Input,
  output: Output,
): HistoryOperation<Input, Output> {
  return { actor, invokedAt, returnedAt, input, output }
}

function pending<Input, Output>(actor: string, invokedAt: number, input: Input): HistoryOperation<Input, Output> {
  return { actor, invokedAt, returnedAt: null, input, output: unseen }
}

const add = (amount: number, name = "c"): CounterInput => ({ kind: "add", name, amount })
const read = (name = "c"): CounterInput => ({ kind: "read", name })

describe("checkLinearizable", () => {
  it("accepts an empty history", () => {
    expect(checkLinearizable([], counterModel)).toEqual({ ok: true, steps: 0 })
  })

  it("accepts concurrent operations in whichever order explains them", () => {
    const history = [
      returned("a", [0, 10], add(1), 3),
      returned("b", [1, 9], add(2), 2),
      returned("c", [2, 8], read(), 2),
    ]
    expect(checkLinearizable(history, counterModel).ok).toBe(true)
  })

  it("rejects an order that only time forbids", () => {
    const history = [returned("a", [0, 1], add(1), 3), returned("b", [2, 3], add(2), 2)]
    expect(checkLinearizable(history, counterModel).ok).toBe(false)
  })

  it("treats operations that touch at the same moment as concurrent", () => {
    const history = [returned("a", [0, 2], add(1), 3), returned("b", [2, 3], add(2), 2)]
    expect(checkLinearizable(history, counterModel).ok).toBe(true)
  })

  it("lets a pending operation have taken effect, or not", () => {
    const took = [pending<CounterInput, number | null>("a", 0, add(5)), returned("b", [1, 2], read(), 5)]
    const tookNot = [pending<CounterInput, number | null>("a", 0, add(5)), returned("b", [1, 2], read(), 0)]
    const tookLate = [...tookNot, returned("b", [3, 4], read(), 5)]
    const tookBack = [...took, returned("b", [3, 4], read(), 0)]
    expect(checkLinearizable(took, counterModel).ok).toBe(true)
    expect(checkLinearizable(tookNot, counterModel).ok).toBe(true)
    expect(checkLinearizable(tookLate, counterModel).ok).toBe(true)
    expect(checkLinearizable(tookBack, counterModel).ok).toBe(false)
  })

  it("lets a pending operation take effect after one that it was first tried before", () => {
    type Input = { readonly kind: "write" | "read"; readonly value: string }
    const overwriting: Model<string, Input, null> = {
      init: "",
      key: (value) => value,
      step: (value, input) => {
        if (input.kind === "write") return { ok: true, state: input.value }
        return input.value === value ? { ok: true, state: value } : { ok: false }
      },
    }
    const lost = pending<Input, null>("a", 0, { kind: "write", value: "lost" })
    const write = returned<Input, null>("b", [1, 2], { kind: "write", value: "x" }, null)
    const reading = returned<Input, null>("c", [3, 4], { kind: "read", value: "lost" }, null)
    expect(checkLinearizable([lost, write, reading], overwriting).ok).toBe(true)
  })

  it("does not let a pending operation take effect before it was invoked, or twice", () => {
    const early = [returned("b", [0, 1], read(), 5), pending<CounterInput, number | null>("a", 2, add(5))]
    const twice = [pending<CounterInput, number | null>("a", 0, add(5)), returned("b", [1, 2], read(), 10)]
    expect(checkLinearizable(early, counterModel).ok).toBe(false)
    expect(checkLinearizable(twice, counterModel).ok).toBe(false)
  })

  it("checks each partition by itself, and names the one that fails", () => {
    const history = [
      returned("a", [0, 1], add(1, "x"), 1),
      returned("b", [2, 3], add(1, "y"), 1),
      returned("a", [4, 5], read("x"), 1),
      returned("b", [6, 7], read("y"), 0),
    ]
    expect(checkLinearizable(history.slice(0, 3), counterModel).ok).toBe(true)
    const result = checkLinearizable(history, counterModel)
    expect(result).toMatchObject({ ok: false, window: { partition: "y", overdue: history[3], prefix: [history[1]] } })
  })

  it("explains a violation by the first return that nothing explains", () => {
    const history = [
      returned("a", [0, 1], add(1), 1),
      returned("b", [2, 5], add(1), 2),
      returned("c", [3, 4], read(), 0),
      returned("a", [6, 7], read(), 9),
    ]
    const result = checkLinearizable(history, counterModel)
    if (result.ok !== false) throw new Error("expected a violation")
    expect(result.window).toEqual({
      partition: "c",
      overdue: history[2],
      prefix: [history[0], history[1]],
      state: 2,
      candidates: [history[2]],
    })
    expect(describeWindow(result.window)).toBe(
      [
        'not linearizable on "c"; no order explains the return of',
        '  c [3, 4] {"kind":"read","name":"c"} -> 0',
        "after this order of 2 operations",
        '  a [0, 1] {"kind":"add","name":"c","amount":1} -> 1',
        '  b [2, 5] {"kind":"add","name":"c","amount":1} -> 2',
        "with the state 2; what could come next is refused or leads nowhere:",
        '  c [3, 4] {"kind":"read","name":"c"} -> 0',
      ].join("\n"),
    )
  })

  it("shows only the end of a long prefix, and what never returned", () => {
    const adds = Array.from({ length: 25 }, (_, index) => returned("a", [2 * index, 2 * index + 1], add(1), index + 1))
    const result = checkLinearizable(
      [...adds, pending<CounterInput, number | null>("b", 60, add(1)), returned("c", [61, 62], read(), 7)],
      counterModel,
    )
    if (result.ok !== false) throw new Error("expected a violation")
    const text = describeWindow(result.window)
    expect(text).toContain("... 16 earlier ones")
    expect(text).toContain('b [60, ...] {"kind":"add","name":"c","amount":1} never returned')
  })

  it("refuses an operation that returned before it was invoked", () => {
    const history = [returned("a", [3, 2], add(1), 1)]
    expect(() => checkLinearizable(history, counterModel)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID", message: expect.stringContaining("a [3, 2]") }),
    )
  })

  it("says unknown when its budget runs out, and no rather than unknown when another partition fails", () => {
    // Eight concurrent writers, of which no order gives the value read: all subsets of them have to be visited.
    const writers = Array.from({ length: 8 }, (_, index) => returned("w", [index, 100], add(2 ** index, "hard"), null))
    const hard = [...writers, returned("r", [101, 102], read("hard"), 1_000)]
    expect(checkLinearizable(hard, counterModel, { maxSteps: 50 })).toEqual({ ok: "unknown", steps: 50 })
    expect(checkLinearizable(hard, counterModel).ok).toBe(false)
    const easy = returned("r", [103, 104], read("easy"), 1)
    expect(checkLinearizable([...hard, easy], counterModel, { maxSteps: 50 }).ok).toBe(false)
  })

  it("visits a configuration once: subsets, not permutations", () => {
    const writers = Array.from({ length: 10 }, (_, index) => returned("w", [index, 100], add(1, "c"), null))
    const result = checkLinearizable([...writers, returned("r", [101, 102], read(), 11)], counterModel)
    expect(result.ok).toBe(false)
    // 2^10 subsets with at most 10 successors each, and far below the 10! = 3,628,800 orders.
    expect(result.steps).toBeLessThan(2 ** 10 * 11)
    expect(result.steps).toBeGreaterThan(2 ** 10)
  })

  it("needs no luck where many reads of two values overlap one write", () => {
    const history = Array.from({ length: 20 }, (_, round) => {
      const start = 1_000 * round
      const write = returned<RegisterInput, RegisterOutput>(
        "w",
        [start, start + 900],
        { kind: "write", name: "r", value: round },
        {
          kind: "written",
          version: round + 1,
        },
      )
      const reads = Array.from({ length: 40 }, (__, index) => {
        const isOld = index % 2 === 0
        const value = isOld ? round - 1 : round
        const output = {
          kind: "value",
          version: isOld ? round : round + 1,
          value: value === -1 ? null : value,
        } as const
        return returned<RegisterInput, RegisterOutput>(
          `r${index}`,
          [start + 1 + index, start + 500 + index],
          { kind: "read", name: "r" },
          output,
        )
      })
      return [write, ...reads]
    }).flat()
    const result = checkLinearizable<RegisterState, RegisterInput, RegisterOutput>(history, registerModel, {
      maxSteps: 100_000,
    })
    expect(result.ok).toBe(true)
  })

  it("follows 10,000 operations of four overlapping actors, and finds one lie at the end", () => {
    const history = createOverlappingHistory(10_000)
    const passed = checkLinearizable(history, registerModel)
    expect(passed.ok).toBe(true)
    const last = history.at(-1)
    if (last === undefined || last.returnedAt === null) throw new Error("expected a history of returned operations")
    const lie = returned(
      "liar",
      [last.returnedAt + 1, last.returnedAt + 2],
      { kind: "read", name: "r" } as const,
      { kind: "value", version: 1, value: 0 } as const,
    )
    const failed = checkLinearizable([...history, lie], registerModel)
    expect(failed).toMatchObject({ ok: false, window: { overdue: lie } })
  })

  it("follows 10,000 operations while one call stays open from the start to the end", () => {
    const chain = Array.from({ length: 10_000 }, (_, index) =>
      returned("a", [2 * index + 1, 2 * index + 2], add(1), index + 1),
    )
    const open = returned("b", [0, 30_000], read(), 10_000)
    expect(checkLinearizable([open, ...chain], counterModel).ok).toBe(true)
    const never = pending<CounterInput, number | null>("b", 0, add(1))
    expect(checkLinearizable([never, ...chain], counterModel).ok).toBe(true)
  })
})

/** Four actors write in turn, each answered only after two others were invoked. */
function createOverlappingHistory(
  operationCount: number,
): HistoryOperation<{ kind: "write"; name: string; value: number }, { kind: "written"; version: number }>[] {
  return Array.from({ length: operationCount }, (_, index) => {
    // Neighbors take effect in swapped order, so that the first guess is wrong every other time.
    const version = index % 2 === 0 ? index + 2 : index
    return returned(
      `actor ${index % 4}`,
      [10 * index, 10 * index + 25] as const,
      { kind: "write", name: "r", value: index } as const,
      { kind: "written", version } as const,
    )
  })
}

/** Tries every order of every choice of pending operations. Right by being the definition. */
function isLinearizableByDefinition<State, Input, Output>(
  history: readonly HistoryOperation<Input, Output>[],
  model: Model<State, Input, Output>,
): boolean {
  function extend(state: State, left: readonly HistoryOperation<Input, Output>[]): boolean {
    if (left.every((operation) => operation.returnedAt === null)) return true
    return left.some((operation) => {
      const isTooEarly = left.some((other) => other.returnedAt !== null && other.returnedAt < operation.invokedAt)
      if (isTooEarly) return false
      const step = model.step(state, operation.input, operation.output)
      return (
        step.ok &&
        extend(
          step.state,
          left.filter((other) => other !== operation),
        )
      )
    })
  }
  return extend(model.init, history)
}

/** Operations with random overlaps: the two moments of each are drawn from one shuffled counter. */
function historyArbitrary<Input, Output>(
  operation: fc.Arbitrary<{ input: Input; output: Output }>,
): fc.Arbitrary<HistoryOperation<Input, Output>[]> {
  return fc.array(operation, { minLength: 1, maxLength: 6 }).chain((operations) => {
    const moments = fc.shuffledSubarray(
      Array.from({ length: 2 * operations.length }, (_, moment) => moment),
      { minLength: 2 * operations.length },
    )
    const pendings = fc.array(fc.integer({ min: 0, max: 4 }), {
      minLength: operations.length,
      maxLength: operations.length,
    })
    return fc.tuple(moments, pendings).map(([times, isPendings]) =>
      operations.map(({ input, output }, index) => {
        const [first = 0, second = 0] = [times[2 * index], times[2 * index + 1]]
        const invokedAt = Math.min(first, second)
        return isPendings[index] === 0
          ? pending<Input, Output>(`actor ${index}`, invokedAt, input)
          : returned(`actor ${index}`, [invokedAt, Math.max(first, second)], input, output)
      }),
    )
  })
}

const queueOperation = fc.oneof(
  fc.integer({ min: 1, max: 3 }).map((value): { input: QueueInput; output: QueueOutput } => ({
    input: { kind: "enqueue", name: "q", value },
    output: { kind: "enqueued" },
  })),
  fc.integer({ min: 0, max: 3 }).map((value): { input: QueueInput; output: QueueOutput } => ({
    input: { kind: "dequeue", name: "q" },
    output: value === 0 ? { kind: "empty" } : { kind: "dequeued", value },
  })),
)

const counterOperation = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 4 })).map(([amount, sum]) => ({
    input: add(amount),
    output: sum === 0 ? null : sum,
  })),
  fc.integer({ min: 0, max: 4 }).map((sum) => ({ input: read(), output: sum })),
)

describe("checkLinearizable against the definition", () => {
  it("agrees on random queues", () => {
    expectAgreement(historyArbitrary(queueOperation), queueModel)
  })

  it("agrees on random counters", () => {
    expectAgreement(historyArbitrary(counterOperation), counterModel)
  })
})

function expectAgreement<State, Input, Output>(
  histories: fc.Arbitrary<HistoryOperation<Input, Output>[]>,
  model: Model<State, Input, Output>,
): void {
  const verdicts = { passed: 0, failed: 0 }
  fc.assert(
    fc.property(histories, (history) => {
      const result = checkLinearizable(history, model)
      expect(result.ok).toBe(isLinearizableByDefinition(history, model))
      if (result.ok === true) verdicts.passed += 1
      if (result.ok === false) {
        verdicts.failed += 1
        checkWindow(history, model, result.window)
      }
    }),
    { numRuns: 1_500 },
  )
  // Both answers have to occur often, or agreeing would say nothing.
  expect(verdicts.passed).toBeGreaterThan(100)
  expect(verdicts.failed).toBeGreaterThan(100)
}

/** An explanation has to be true: the overdue operation is the first return without which an order exists. */
function checkWindow<State, Input, Output>(
  history: readonly HistoryOperation<Input, Output>[],
  model: Model<State, Input, Output>,
  window: {
    readonly overdue: HistoryOperation<Input, Output>
    readonly prefix: readonly HistoryOperation<Input, Output>[]
    readonly state: State
  },
): void {
  const overdueAt = window.overdue.returnedAt ?? Infinity
  let state = model.init
  for (const { input, output } of window.prefix) {
    const step = model.step(state, input, output)
    if (!step.ok) throw new Error("expected the prefix to be an order the model accepts")
    state = step.state
  }
  expect(model.key(state)).toBe(model.key(window.state))
  const mustBeIn = history.filter(({ returnedAt }) => returnedAt !== null && returnedAt < overdueAt)
  for (const operation of mustBeIn) expect(window.prefix).toContain(operation)
  expect(window.prefix).not.toContain(window.overdue)
}
