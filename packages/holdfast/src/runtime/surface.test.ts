/** What the public types promise: each with what must not compile. */
import { describe, expect, expectTypeOf, it } from "vitest"
import { z } from "zod"
import { RuntimeWorld } from "../../test/runtime-world.ts"
import type { Call, Cell, Changes, Holdfast, RunHandle, RunInfo, Transaction, Versioned } from "./index.ts"

/** Never called: only its types are looked at. */
function typesOf(hf: Holdfast): readonly (() => unknown)[] {
  const pure = { version: 1, effects: "pure" } as const
  return [
    function cellsHaveTheTypeOfTheirInitialValue() {
      const counter = hf.cell("n", { initial: 0 })
      expectTypeOf(counter).toEqualTypeOf<Cell<number>>()
      expectTypeOf(counter.get()).resolves.toEqualTypeOf<number>()
      expectTypeOf(counter.update((n) => n + 1)).resolves.toEqualTypeOf<number>()
      expectTypeOf(counter.watch()).toEqualTypeOf<Changes<Versioned<number>>>()
      // @ts-expect-error a text is no number
      void counter.set("a")
      // @ts-expect-error an update returns the cell's type
      void counter.update(() => "a")
    },
    function cellsWithoutOneMayBeUndefined() {
      const cell = hf.cell<string>("a")
      expectTypeOf(cell.get()).resolves.toEqualTypeOf<string | undefined>()
      // @ts-expect-error what is read may be undefined
      void cell.get().then((text) => text.length)
      expectTypeOf(hf.cell("a").get()).resolves.toEqualTypeOf<unknown>()
    },
    function cellsHaveTheOutputOfTheirSchema() {
      const schema = z.object({ title: z.string(), done: z.boolean().default(false) })
      const cell = hf.cell("task", { schema, initial: { title: "a", done: false } })
      expectTypeOf(cell.get()).resolves.toEqualTypeOf<{ title: string; done: boolean }>()
      // @ts-expect-error the initial value is of the schema's output
      hf.cell("task", { schema, initial: { title: 5, done: false } })
      // @ts-expect-error merges are three
      hf.cell("n", { initial: 0, relaxed: "sum" })
    },
    async function severalCellsAreATuple() {
      const [a, b] = [hf.cell("a", { initial: 0 }), hf.cell<string>("b")]
      expectTypeOf(await hf.read([a, b])).toEqualTypeOf<[number, string | undefined]>()
      await hf.transact(async (tx: Transaction) => {
        expectTypeOf(await tx.get(a)).toEqualTypeOf<number>()
        expectTypeOf(await tx.getAll([b, a])).toEqualTypeOf<[string | undefined, number]>()
        // @ts-expect-error a text is no number
        tx.set(a, "a")
        // @ts-expect-error no asynchronous updates
        await tx.update(a, async (n) => await Promise.resolve(n + 1))
      })
      expectTypeOf(hf.transact(() => "a")).resolves.toEqualTypeOf<string>()
    },
    function operationsAreTheirBodiesFunctions() {
      const op = hf.operation("op", {
        ...pure,
        run: async (_, n: number, text?: string) => await Promise.resolve(`${n}${text}`),
      })
      expectTypeOf(op(1)).resolves.toEqualTypeOf<string>()
      expectTypeOf(op(1, undefined)).resolves.toEqualTypeOf<string>()
      expectTypeOf(op.invoke([1, "a"])).resolves.toEqualTypeOf<string>()
      expectTypeOf(op.handle(1)).toEqualTypeOf<Call<string>>()
      expectTypeOf(op.start([1])).resolves.toEqualTypeOf<RunHandle<string>>()
      expectTypeOf(hf.start(op, [1, "a"])).resolves.toEqualTypeOf<RunHandle<string>>()
      expectTypeOf(hf.run("x" as never).result()).resolves.toEqualTypeOf<unknown>()
      expectTypeOf(hf.runs()).resolves.toEqualTypeOf<readonly RunInfo[]>()
      // @ts-expect-error the first argument is needed
      void op()
      // @ts-expect-error a text is no number
      void op("a")
      // @ts-expect-error two arguments at most
      void op(1, "a", 2)
      // @ts-expect-error arguments are an array here
      void hf.start(op, 1)
      // @ts-expect-error of the operation's types
      void op.start(["a"])
      // @ts-expect-error a result of the operation's type
      void op.put([1], 5)
      // @ts-expect-error transactions start nothing by force
      void hf.transact((tx) => tx.start(op, [1], { force: true }))
    },
    function callsStandForArgumentsOfTheirType() {
      const length = hf.operation("length", { ...pure, run: (_, text: string) => text.length })
      const text = hf.operation("text", { ...pure, run: (_, n: number) => `${n}` })
      const deep = hf.operation("deep", {
        ...pure,
        run: (
          _,
          input: { readonly parts: readonly { readonly text: string; readonly n?: number }[]; readonly at: Date },
        ) => input.parts.length,
      })
      expectTypeOf(length(text.handle(1))).resolves.toEqualTypeOf<number>()
      expectTypeOf(text.handle(length.handle(text.handle(5)))).toEqualTypeOf<Call<string>>()
      void deep({ parts: [{ text: text.handle(1), n: length.handle("a") }, { text: "a" }], at: new Date(0) })
      void hf.start(length, [text.handle(1)])
      void length.forget(text.handle(1))
      // @ts-expect-error this call makes a number, not a text
      void length(length.handle("a"))
      // @ts-expect-error nor inside of plain data
      void deep({ parts: [{ text: length.handle("a") }], at: new Date(0) })
      // @ts-expect-error a promise is no call
      void length(text(1))
    },
    function calledValuesOfUnionsAndUnknownArePossible() {
      const any = hf.operation("any", { ...pure, run: (_, input: unknown) => input })
      const either = hf.operation("either", { ...pure, run: (_, input: "a" | "b" | number) => input })
      const one = hf.operation("one", { ...pure, run: () => "a" as const })
      const two = hf.operation("two", { ...pure, run: (): "a" | 5 => 5 })
      void any(one.handle())
      void either(one.handle())
      void either(two.handle())
      // @ts-expect-error an unknown value is not one of these
      void either(any.handle(1))
    },
    function keysSeeTheArguments() {
      hf.operation("a", {
        ...pure,
        keyed: { key: (user: string) => user, concurrency: 1 },
        run: (_, user: string, n: number) => user.length + n,
      })
      hf.operation("b", {
        ...pure,
        run: (_, user: string, n: number) => user.length + n,
        keyed: { key: (user) => user, concurrency: 1 },
      })
      hf.operation("c", {
        ...pure,
        // @ts-expect-error the first argument is a text
        keyed: { key: (n: number) => `${n}`, concurrency: 1 },
        run: (_, user: string) => user,
      })
      hf.operation("d", {
        ...pure,
        // @ts-expect-error a key is a text
        keyed: { key: (user: string) => user.length, concurrency: 1 },
        run: (_, user: string) => user,
      })
    },
    function definitionsDeclareWhatTheyMust() {
      // @ts-expect-error effects are declared
      hf.operation("a", { version: 1, run: () => 1 })
      // @ts-expect-error and one of three
      hf.operation("b", { version: 1, effects: "none", run: () => 1 })
      // @ts-expect-error a version is declared
      hf.operation("c", { effects: "pure", run: () => 1 })
      const recursive = hf.operation("d", { ...pure, run: (_, tree: Tree) => tree.children.length })
      void recursive({ children: [{ children: [] }] })
    },
    function bodiesHaveTheirContext() {
      hf.operation("a", {
        ...pure,
        run: async (ctx) => {
          expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>()
          expectTypeOf(ctx.transact("step", () => 5)).resolves.toEqualTypeOf<number>()
          expectTypeOf(await ctx.complete(async () => await Promise.resolve("a"))).toEqualTypeOf<string>()
        },
      })
      expectTypeOf(hf.once("k", async () => await Promise.resolve(5))).resolves.toEqualTypeOf<number>()
    },
    async function workersTakeAnyOperations() {
      const one = hf.operation("one", { ...pure, run: (_, n: number) => n })
      const two = hf.operation("two", { ...pure, run: (_, text: string, date: Date) => text + String(date) })
      await using worker = await hf.work([one, two], { concurrency: 2 })
      // @ts-expect-error a function is no operation
      void hf.work([() => 1])
      return worker
    },
  ]
}

interface Tree {
  readonly children: readonly Tree[]
}

describe("the public types", () => {
  it("promise what is written above: the compiler checks it", async () => {
    const hf = await new RuntimeWorld().open()
    expect(typesOf(hf).length).toBeGreaterThan(10)
  })
})
