/** Evaluation on plain numbers: what programs come to, each node once, however deep and wide they are. */
import { describe, expect, it } from "vitest"
import { PlainPrograms } from "../../test/plain-programs.ts"
import type { EvaluationFailed } from "./evaluation.ts"

describe("a program", () => {
  it.each([
    ['print "x" 2 + 3 * 4', 20],
    ['print "x" 10 - 3 - 2', 5],
    ['let x = 1 print "x" let x = x + 10 in x + 5', 16],
    ['print "x" for i in range(0,5) do i + 10', [10, 11, 12, 13, 14]],
    ['let k = 100 print "x" for i in range(3) do i + k', [100, 101, 102]],
    [
      'print "x" for i in range(2) do for j in range(2) do i * 10 + j',
      [
        [0, 1],
        [10, 11],
      ],
    ],
    ['let f(a, b) = a * b print "x" f(f(2, 3), 4)', 24],
    ['print "x" filter i in range(6) do i - 3', [0, 1, 2, 4, 5]],
    ['print "x" fold + range(1, 5)', 10],
    ['print "x" fold * 2 range(1, 4)', 12],
    ['print "x" fold min [5, 2, 9]', 2],
    ['print "x" [1, 2, 3][1]', 2],
    ['print "x" [1, 2, 3, 4][1:3]', [2, 3]],
    ['print "x" range(10)[7:]', [7, 8, 9]],
    ['print "x" [1, 2] + [10, 20]', [11, 22]],
    ['print "x" [1, 2] * 3', [3, 6]],
    ['let twice(x) = x * 2 print "x" map(twice, range(3))', [0, 2, 4]],
    ['print "x" argmax([3, 9, 9])', 1],
    ['print "x" format_string("{:.2f} of {}", 1.5, 3)', "1.50 of 3"],
  ])("%s comes to %j", async (source, expected) => {
    expect(await new PlainPrograms().run(source)).toEqual(expected)
  })

  it("computes only what is wanted, and each node once", async () => {
    const fixture = new PlainPrograms()
    await fixture.run(
      'let a = counted(1) let b = counted(2) print "x" (for i in range(50) do a + a) + (fold + [counted(1), a])',
    )
    expect(fixture.calls).toEqual([1])
  })

  it("computes of a loop only the item that is asked for", async () => {
    const fixture = new PlainPrograms()
    expect(await fixture.run('print "x" (for i in range(1000) do counted(i))[7]')).toBe(7)
    expect(fixture.calls).toEqual([7])
  })

  it("keeps apart loops that differ in what they capture only", async () => {
    const source = 'let add(k) = for i in range(2) do i + k print "x" [add(1), add(100)]'
    expect(await new PlainPrograms().run(source)).toEqual([
      [1, 2],
      [100, 101],
    ])
  })
})

describe("evaluation", () => {
  it("goes through chains and nested calls of 100,000 without a stack of calls", async () => {
    const chain = Array.from({ length: 100_000 }, (_, at) => `let x${at + 1} = x${at} + 1`).join("\n")
    expect(await new PlainPrograms().run(`let x0 = 0\n${chain}\nprint "x" x100000`)).toBe(100_000)
    const calls = Array.from({ length: 20_000 }, (_, at) => `let f${at + 1}(x) = f${at}(x) + 1`).join("\n")
    expect(await new PlainPrograms().run(`let f0(x) = x\n${calls}\nprint "x" f20000(0)`)).toBe(20_000)
    expect(await new PlainPrograms().run(`print "x" fold + range(200000)`)).toBe((200_000 * 199_999) / 2)
  })

  it("does not grow with how often functions call each other (function_explosion)", async () => {
    const fixture = new PlainPrograms()
    const levels = Array.from({ length: 40 }, (_, at) => `let f${at + 1}(x) = f${at}(x) + f${at}(x + 1) - f${at}(x)`)
    const source = `let f0(x) = x\n${levels.join("\n")}\nprint "x" f40(0)`
    expect(await fixture.run(source)).toBe(40)
    expect(fixture.graph.size).toBeLessThan(40_000)
  })

  it("waits for several at once, and goes on with each that is there", async () => {
    const fixture = new PlainPrograms()
    const value = fixture.run('print "x" for i in range(4) do slow(i) + slow(i + 1)')
    await Promise.resolve()
    // Items of a list that is not forced yet are asked for one by one by whoever wants them: here all at once.
    for (let turn = 0; turn < 20 && fixture.waiting < 5; turn += 1) await Promise.resolve()
    expect(fixture.waiting).toBe(5)
    fixture.open(5)
    expect(await value).toEqual([100, 300, 500, 700])
  })

  it("tells what failed to everything that needs it, and to nothing else", async () => {
    const fixture = new PlainPrograms()
    const bad = fixture.load('let x = slow(13) print "x" [x + 1, x, 5]')
    const list = await fixture.evaluation.normalize(bad)
    const [sum, alone, five] = fixture.graph.inputs(list)
    const failed = Promise.allSettled([sum, alone].map(async (item) => await fixture.evaluation.normalize(item ?? bad)))
    fixture.open()
    for (const outcome of await failed) {
      expect(outcome.status === "rejected" && (outcome.reason as EvaluationFailed).failure.message).toBe(
        "13 is never computed",
      )
    }
    expect(await fixture.evaluation.normalize(five ?? bad)).toBe(fixture.graph.constant(5))
  })

  it.each([
    ['print "x" [1, 2][2]', "expected an index below 2, the length of the sequence, found 2"],
    ['print "x" [1, "a"][1] + 1', "expected addition(a: number, b: number): number, or"],
    ['print "x" fold min range(0)', "fold min of an empty sequence has no value; give it one to begin with"],
    ['print "x" [1, 2] + [1, 2, 3]', "sequences that are combined must have as many items each, found 2 and 3"],
    ['print "x" for i in [3][0] do i', "a loop takes a sequence, found the number 3"],
  ])("says of %s what was expected", async (source, message) => {
    await expect(new PlainPrograms().run(source)).rejects.toThrow(message)
  })
})
