/** Cells as users hold them: versions, schemas, updates, merges. */
import { describe, expect, it } from "vitest"
import { z } from "zod"
import type { StandardSchemaV1 } from "@standard-schema/spec"
import { faultOf, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import { Cell, type CellOptions } from "./index.ts"

describe("a cell", () => {
  it("reads as undefined at version 0 before it ever was, or as its initial value", async () => {
    const hf = await new RuntimeWorld().open()
    expect(await hf.cell("a").read()).toEqual({ value: undefined, version: 0 })
    expect(await hf.cell("a", { initial: [1] }).read()).toEqual({ value: [1], version: 0 })
    expect(await hf.cell("a", { initial: [1] }).get()).toEqual([1])
    // Declaring an initial value writes nothing.
    expect(await hf.list("")).toEqual([])
  })

  it("advances by exactly one version a write, over deletion and recreation too (C1)", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell<string>("a")
    expect(await cell.set("one")).toBe(1)
    expect(await cell.set("one")).toBe(2)
    expect(await cell.delete()).toBe(3)
    expect(await cell.read()).toEqual({ value: undefined, version: 3 })
    expect(await cell.delete()).toBe(4)
    expect(await cell.set("two")).toBe(5)
    expect(await cell.read()).toEqual({ value: "two", version: 5 })
  })

  it("reads as its initial value again after deletion", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial: 7 })
    await cell.set(8)
    await cell.delete()
    expect(await cell.read()).toEqual({ value: 7, version: 2 })
    expect(await cell.update((value) => value + 1)).toBe(8)
  })

  it("gives copies: changing what was read or written changes nothing", async () => {
    const hf = await new RuntimeWorld().open()
    const initial = { list: [1] }
    const cell = hf.cell("a", { initial })
    initial.list.push(2)
    ;(await cell.get()).list.push(3)
    expect(await cell.get()).toEqual({ list: [1] })
    const written = { list: [9] }
    await cell.set(written)
    written.list.push(10)
    ;(await cell.get()).list.push(11)
    expect(await cell.get()).toEqual({ list: [9] })
  })

  it("keeps types apart that JSON does not", async () => {
    const hf = await new RuntimeWorld().open()
    const value = { when: new Date(5), big: 10n, map: new Map([["a", new Set([1])]]), bytes: Float64Array.of(1.5) }
    const cell = hf.cell<typeof value>("a")
    await cell.set(value)
    expect(await cell.get()).toEqual(value)
    await hf.cell("b").set(hf.binary(Uint8Array.of(1, 2)))
    expect((await hf.cell<ReturnType<typeof hf.binary>>("b").get())?.bytes()).toEqual(Uint8Array.of(1, 2))
  })

  it.each([
    ["an empty name", "", {}],
    ["a name that is too long", "é".repeat(257), {}],
    ["a name that is no string", 7 as never, {}],
    ["a name with NUL", "a\0b", {}],
    ["options that are none", "a", null as never],
    ["a merge that is none", "a", { relaxed: "sum" as never }],
    ["a merge of no type", "a", { relaxed: 7 as never }],
    ["a counter that starts elsewhere", "a", { relaxed: "counter", initial: 10 }],
    ["a maximum that starts with a text", "a", { relaxed: "max", initial: "x" }],
    ["a maximum that starts with NaN", "a", { relaxed: "max", initial: Number.NaN }],
  ] as const)("refuses %s with ARGUMENT_INVALID", async (_, name, options) => {
    const hf = await new RuntimeWorld().open()
    expect(() => hf.cell(name, options as CellOptions<unknown>)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    )
  })

  it("refuses what has no encoding by its path, and writes nothing: VALUE_NOT_ENCODABLE", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a")
    const fault = await faultOf(cell.set({ deep: [() => 1] }), "VALUE_NOT_ENCODABLE")
    expect(fault.message).toMatch(/the value of cell "a".*at \.deep\[0\]/)
    await faultOf(cell.set(undefined), "VALUE_NOT_ENCODABLE")
    await faultOf(
      cell.update(() => new URL("a:b")),
      "VALUE_NOT_ENCODABLE",
    )
    expect(await cell.read()).toEqual({ value: undefined, version: 0 })
  })

  it("keeps whatever anyone observed: no reader goes back, also when writers die or close (C5)", async () => {
    const world = new RuntimeWorld()
    const reader = (await world.open("reader")).cell("a", { initial: 0 })
    let last = { value: 0, version: 0 }
    const look = async (): Promise<void> => {
      const seen = await reader.read()
      expect(seen.version).toBeGreaterThanOrEqual(last.version)
      expect(seen.value).toBeGreaterThanOrEqual(last.value)
      last = seen
    }
    for (const end of ["dies", "closes"]) {
      const writer = await world.openDeferred(1, "two", end)
      const updates = Promise.allSettled(
        Array.from({ length: 5 }, () => writer.cell("a", { initial: 0 }).update((n) => n + 1)),
      )
      const first = await writer.cell("a", { initial: 0 }).update((n) => n + 1)
      await look()
      if (end === "dies") world.kill(end)
      else await writer.close()
      await updates
      await look()
      // What an update returned was there to stay.
      expect(last.value).toBeGreaterThanOrEqual(first)
    }
  })

  it("refuses everything after close with CLOSED", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial: 0, relaxed: "max" })
    await hf.close()
    await faultOf(cell.get(), "CLOSED")
    await faultOf(cell.set(1), "CLOSED")
    await faultOf(cell.delete(), "CLOSED")
    await faultOf(cell.merge(1), "CLOSED")
    await faultOf(
      cell.update((value) => value),
      "CLOSED",
    )
  })

  it.each<readonly [string, (cell: Cell<number>) => Promise<unknown>]>([
    ["set", async (cell) => await cell.set(3)],
    ["delete", async (cell) => await cell.delete()],
    ["update", async (cell) => await cell.update((value) => value + 1)],
    ["merge", async (cell) => await cell.merge(1)],
  ])("refuses %s under a lease that has ended with FENCED, and keeps what others wrote (L8)", async (_, write) => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const cell = hf.cell("a", { initial: 0, relaxed: "counter" })
    const grant = await hf.lock("door").acquire({ leaseMs: 100 })
    await grant.scope.run(async () => await write(cell))
    await world.env.advanceBy(101)
    await cell.set(2)
    await faultOf(
      grant.scope.run(async () => await write(cell)),
      "FENCED",
    )
    expect(await cell.read()).toEqual({ value: 2, version: 2 })
    expect(hf.metrics().cells["a"]).toMatchObject({ fenced: 1, commits: 2 })
  })
})

describe("several cells", () => {
  it("are read at one instant, each in its type", async () => {
    const hf = await new RuntimeWorld().open()
    const [a, b] = [hf.cell("a", { initial: 1 }), hf.cell<string>("b")]
    expect(await hf.read([a, b])).toEqual([1, undefined])
    await hf.transact((tx) => {
      tx.set(a, 2)
      tx.set(b, "two")
    })
    expect(await hf.read([a, b, a])).toEqual([2, "two", 2])
    expect(await hf.read([])).toEqual([])
  })

  it("are listed by prefix, in order of name, without those deleted, up to a limit", async () => {
    const hf = await new RuntimeWorld().open()
    for (const name of ["t/b", "t/a", "u", "t/c"]) await hf.cell(name).set(name)
    await hf.cell("t/a").set("again")
    await hf.cell("t/c").delete()
    expect(await hf.list("t/")).toEqual([
      { name: "t/a", version: 2 },
      { name: "t/b", version: 1 },
    ])
    expect(await hf.list("", { limit: 1 })).toEqual([{ name: "t/a", version: 2 }])
  })
})

describe("a schema", () => {
  const task = z.object({ title: z.string().min(1), done: z.boolean().default(false) })

  it("passes every value written, and its output is what is stored", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("task", { schema: task })
    await cell.set({ title: "a" } as z.output<typeof task>)
    expect(await cell.get()).toEqual({ title: "a", done: false })
  })

  it("refuses with VALUE_INVALID what it rejects, saying where, and nothing is written", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("task", { schema: task, initial: { title: "first", done: false } })
    const fault = await faultOf(cell.set({ title: "", done: "no" } as never), "VALUE_INVALID")
    expect(fault.message).toMatch(/cell "task" refuses the value: at title: .*; at done: /)
    expect(fault.details).toMatchObject({ cell: "task", issues: [{ path: ["title"] }, { path: ["done"] }] })
    await faultOf(
      cell.update((value) => ({ ...value, title: "" })),
      "VALUE_INVALID",
    )
    await faultOf(
      hf.transact((tx) => {
        tx.set(cell, { title: "", done: true })
      }),
      "VALUE_INVALID",
    )
    expect(await cell.read()).toMatchObject({ version: 0 })
    expect(() => hf.cell("task", { schema: task, initial: { title: "", done: false } })).toThrow(/refuses the value/)
  })

  it("is refused with VALUE_INVALID when it is asynchronous, also when it rejects later", async () => {
    const hf = await new RuntimeWorld().open()
    const slow = hf.cell("task", { schema: z.string().refine(async () => await Promise.resolve(true)) })
    expect((await faultOf(slow.set("a"), "VALUE_INVALID")).message).toMatch(/validates asynchronously/)
    const rejecting = schemaOf(() => Promise.reject(new Error("too late")))
    await faultOf(hf.cell("task", { schema: rejecting }).set("a"), "VALUE_INVALID")
    await settle()
  })

  it("may give issues with any path, or none", async () => {
    const hf = await new RuntimeWorld().open()
    const schema = schemaOf(() => ({
      issues: [{ message: "at all" }, { message: "here", path: [{ key: "a" }, 0, Symbol.for("s")] }],
    }))
    const fault = await faultOf(hf.cell("task", { schema }).set("a"), "VALUE_INVALID")
    expect(fault.message).toMatch(/refuses the value: at all; at a\.0\.Symbol\(s\): here$/)
  })

  it("that throws passes its own error on", async () => {
    const hf = await new RuntimeWorld().open()
    const own = new Error("own")
    const schema = schemaOf(() => {
      throw own
    })
    await expect(hf.cell("task", { schema }).set("a")).rejects.toBe(own)
  })

  function schemaOf(validate: StandardSchemaV1.Props<unknown, string>["validate"]): StandardSchemaV1<unknown, string> {
    return { "~standard": { version: 1, vendor: "test", validate } }
  }
})

describe("update", () => {
  it("writes what its function returns and gives it back, decoded anew", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial: { n: 1 } })
    const out = { n: 2 }
    const got = await cell.update(() => out)
    expect(got).toEqual({ n: 2 })
    expect(got).not.toBe(out)
    expect(await cell.read()).toEqual({ value: { n: 2 }, version: 1 })
  })

  it("passes on what its function throws and writes nothing, whatever is thrown", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial: 0 })
    const own = new TypeError("mine")
    await expect(
      cell.update(() => {
        throw own
      }),
    ).rejects.toBe(own)
    await expect(
      cell.update(() => {
        throw undefined
      }),
    ).rejects.toBeUndefined()
    expect((await cell.read()).version).toBe(0)
  })

  it("refuses an asynchronous function with VALUE_INVALID, and what it rejects with ends nothing", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell<unknown>("a", { initial: 0 })
    const fault = await faultOf(
      cell.update(async (value) => await Promise.resolve(value)),
      "VALUE_INVALID",
    )
    expect(fault.message).toMatch(/asynchronous/)
    await faultOf(
      cell.update(async () => await Promise.reject(new Error("later"))),
      "VALUE_INVALID",
    )
    await faultOf(
      cell.update(() => ({ then: () => undefined })),
      "VALUE_INVALID",
    )
    await settle()
    expect((await cell.read()).version).toBe(0)
  })

  it("refuses undefined with VALUE_INVALID: a forgotten return is no deletion", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial: { n: 0 } })
    const fault = await faultOf(cell.update((() => undefined) as never), "VALUE_INVALID")
    expect(fault.message).toMatch(/returned undefined/)
  })

  it.each<readonly [string, unknown, (value: never) => unknown]>([
    ["an object", { n: 0 }, (value: { n: number }) => ((value.n = 1), value)],
    ["an object that grows", { n: 0 }, (value: { n: number; m?: number }) => ((value.m = 1), value)],
    ["an object that shrinks", { n: 0 }, (value: { n?: number }) => (delete value.n, value)],
    ["a nested array", { list: [1] }, (value: { list: number[] }) => (value.list.push(2), value)],
    ["an array that is filled", [2, 1], (value: number[]) => value.fill(0)],
    ["a Map", new Map([["a", 1]]), (value: Map<string, number>) => value.set("a", 2)],
    ["a Set", new Set([1]), (value: Set<number>) => value.add(2)],
    ["a Date", new Date(1), (value: Date) => (value.setTime(2), new Date(3))],
    ["a typed array", Float64Array.of(1), (value: Float64Array) => value.fill(2)],
    ["an object beside a Map", { n: 0, m: new Map() }, (value: { n: number }) => ({ ...value, m: (value.n = 1) })],
    ["a Map that takes what has no encoding", new Map(), (value: Map<string, unknown>) => value.set("f", () => 1)],
  ])("refuses a function that changes its input with VALUE_INVALID: %s", async (_, initial, fn) => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial })
    for (const write of [
      () => cell.update(fn as (value: unknown) => unknown),
      () => hf.transact(async (tx) => await tx.update(cell, fn as (value: unknown) => unknown)),
    ]) {
      const fault = await faultOf(write(), "VALUE_INVALID")
      expect(fault.message).toMatch(/changed its input; return a new value instead/)
    }
    expect(await cell.read()).toEqual({ value: initial, version: 0 })
  })

  it("takes a new value made of an input that cannot be frozen", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial: new Map([["a", 1]]) })
    await cell.update((map) => new Map([...map, ["b", 2]]))
    expect(await cell.get()).toEqual(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    )
  })

  it("refuses what is no function with ARGUMENT_INVALID", async () => {
    const hf = await new RuntimeWorld().open()
    await faultOf(hf.cell("a").update(5 as never), "ARGUMENT_INVALID")
  })
})

describe("a relaxed cell", () => {
  it("merges by maximum: what was reached is never lost, and reporting it twice is no version", async () => {
    const hf = await new RuntimeWorld().open()
    const progress = hf.cell("p", { initial: 0, relaxed: "max" })
    await progress.merge(0.5)
    await progress.merge(0.25)
    await progress.merge(0.5)
    expect(await progress.read()).toEqual({ value: 0.5, version: 1 })
  })

  it("never falls below its initial value by a merge", async () => {
    const hf = await new RuntimeWorld().open()
    const high = hf.cell("p", { initial: 10, relaxed: "max" })
    await high.merge(5)
    expect(await high.get()).toBe(10)
    await high.merge(11)
    expect(await high.get()).toBe(11)
  })

  it("merges by sum, and by last value", async () => {
    const hf = await new RuntimeWorld().open()
    const hits = hf.cell("hits", { initial: 0, relaxed: "counter" })
    for (const amount of [1, 2, -4]) await hits.merge(amount)
    expect(await hits.get()).toBe(-1)
    const last = hf.cell<string>("last", { relaxed: "last" })
    for (const text of ["a", "b"]) await last.merge(text)
    expect(await last.get()).toBe("b")
  })

  it("refuses a merge of a cell that is not relaxed with ARGUMENT_INVALID", async () => {
    const hf = await new RuntimeWorld().open()
    await faultOf(hf.cell("a").merge(1), "ARGUMENT_INVALID")
  })

  it.each([
    ["max", Number.NaN],
    ["max", "1"],
    ["max", 1n],
    ["counter", Number.NaN],
    ["counter", Infinity],
    ["counter", null],
  ] as const)("refuses to merge by %s what does not combine, such as %s: VALUE_INVALID", async (relaxed, value) => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { relaxed })
    await faultOf(cell.merge(value), "VALUE_INVALID")
    await cell.set("a text")
    await faultOf(cell.merge(1), "VALUE_INVALID")
    expect(await cell.get()).toBe("a text")
  })
})

describe("an internal detail users see", () => {
  it("is that cells of one name are one value, whoever declares them", async () => {
    const hf = await new RuntimeWorld().open()
    expect(hf.cell("a")).toBeInstanceOf(Cell)
    await hf.cell("a").set(5)
    expect(await hf.cell("a", { initial: 1 }).get()).toBe(5)
  })
})
