/** Wrong arguments: each gets its coded error and leaves no trace. */
import { describe, expect, it } from "vitest"
import { expectQuiet, RuntimeWorld } from "../../test/runtime-world.ts"
import type { Holdfast } from "./index.ts"

/** Names no lock, cell, operation or key can have. */
const BAD_NAMES: readonly unknown[] = ["", "x".repeat(513), "ä".repeat(257), "a\0b", "\ud800", 5, null, undefined, {}]
const BAD_COUNTS: readonly unknown[] = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "2", null]
const BAD_DURATIONS: readonly unknown[] = [-1, Number.NaN, Number.POSITIVE_INFINITY, "5", null]
const BAD_WAITS: readonly unknown[] = [-1, Number.NaN, "5", null]
const BAD_SIGNALS: readonly unknown[] = [null, {}, "signal", new AbortController()]
const BAD_FUNCTIONS: readonly unknown[] = [undefined, null, "fn", {}, 5]
const BAD_OPTIONS: readonly unknown[] = [null, 5, "options"]

type Case = readonly [what: string, values: readonly unknown[], call: (hf: Holdfast, value: never) => unknown]

const CASES: readonly Case[] = [
  ["lock(name)", BAD_NAMES, (hf, name) => hf.lock(name)],
  ["lock([name])", BAD_NAMES, (hf, name) => hf.lock(["a", name])],
  ["lock(names)", [[], ["a", "a"], new Set(["a"]), { length: 1 }], (hf, names) => hf.lock(names)],
  ["semaphore(name)", BAD_NAMES, (hf, name) => hf.semaphore(name, 1)],
  ["semaphore(limit)", [...BAD_COUNTS, undefined], (hf, limit) => hf.semaphore("a", limit)],
  ["semaphore.resize", [...BAD_COUNTS, undefined], async (hf, limit) => await hf.semaphore("a", 1).resize(limit)],
  ["shared(limit)", BAD_COUNTS, (hf, limit) => hf.lock("a").shared({ limit })],
  ["shared(options)", BAD_OPTIONS, (hf, options) => hf.lock("a").shared(options)],
  ["run(fn)", BAD_FUNCTIONS, async (hf, fn) => await hf.lock("a").run(fn)],
  ["run(options)", BAD_OPTIONS, async (hf, options) => await hf.lock("a").run(unreached, options)],
  ["run(waitMs)", BAD_WAITS, async (hf, waitMs) => await hf.lock("a").run(unreached, { waitMs })],
  ["run(signal)", BAD_SIGNALS, async (hf, signal) => await hf.lock("a").run(unreached, { signal })],
  ["run(permits)", BAD_COUNTS, async (hf, permits) => await hf.semaphore("a", 1).run(unreached, { permits })],
  ["run(leaseMs)", [...BAD_DURATIONS, 0], async (hf, leaseMs) => await hf.lock("a").run(unreached, { leaseMs })],
  ["acquire(options)", BAD_OPTIONS, async (hf, options) => await hf.lock("a").acquire(options)],
  ["acquire(waitMs)", BAD_WAITS, async (hf, waitMs) => await hf.lock("a").acquire({ waitMs })],
  ["acquire(signal)", BAD_SIGNALS, async (hf, signal) => await hf.lock("a").acquire({ signal })],
  ["acquire(permits)", BAD_COUNTS, async (hf, permits) => await hf.semaphore("a", 1).acquire({ permits })],
  ["permits of an exclusive lock", [1, 2], async (hf, permits) => await hf.lock("a").acquire({ permits })],
  ["acquire(leaseMs)", [...BAD_DURATIONS, 0], async (hf, leaseMs) => await hf.lock("a").acquire({ leaseMs })],
  ["try(options)", BAD_OPTIONS, async (hf, options) => await hf.lock("a").try(options)],
  ["try(permits)", BAD_COUNTS, async (hf, permits) => await hf.semaphore("a", 1).try({ permits })],
  ["try(leaseMs)", [...BAD_DURATIONS, 0], async (hf, leaseMs) => await hf.lock("a").try({ leaseMs })],
  ["more permits than the limit", [3, 100], async (hf, permits) => await hf.semaphore("a", 2).acquire({ permits })],
  ["detached(fn)", BAD_FUNCTIONS, (hf, fn) => hf.detached(fn)],
  ["cell(name)", BAD_NAMES, (hf, name) => hf.cell(name)],
  ["read(cells)", [5, null, "x", [5], [null], [{ name: "x" }]], async (hf, cells) => await hf.read(cells)],
  ["list(prefix)", [5, null, undefined], async (hf, prefix) => await hf.list(prefix)],
  ["list(options)", BAD_OPTIONS, async (hf, options) => await hf.list("", options)],
  ["list(limit)", BAD_COUNTS, async (hf, limit) => await hf.list("", { limit })],
  ["watch(prefix)", [5, null, undefined], (hf, prefix) => hf.watch(prefix)],
  ["watch(options)", BAD_OPTIONS, (hf, options) => hf.watch("", options)],
  ["transact(fn)", BAD_FUNCTIONS, async (hf, fn) => await hf.transact(fn)],
  ["start(operation)", BAD_FUNCTIONS, async (hf, operation) => await hf.start(operation, [])],
  ["once(key)", BAD_NAMES, async (hf, key) => await hf.once(key, unreached)],
  ["once(fn)", BAD_FUNCTIONS, async (hf, fn) => await hf.once("k", fn)],
  ["once(waitMs)", BAD_WAITS, async (hf, waitMs) => await hf.once("k", unreached, { waitMs })],
  ["once(signal)", BAD_SIGNALS, async (hf, signal) => await hf.once("k", unreached, { signal })],
  ["runs(options)", BAD_OPTIONS, async (hf, options) => await hf.runs(options)],
  ["runs(limit)", BAD_COUNTS, async (hf, limit) => await hf.runs({ limit })],
  ["runs(status)", ["done", 5, null, ["pending", "?"]], async (hf, status) => await hf.runs({ status })],
  ["runs(operation)", ["", 5, null], async (hf, operation) => await hf.runs({ operation })],
  ["on(kind)", ["lock", "", 5, null, undefined, "constructor"], (hf, kind) => hf.on(kind, unreached)],
  ["on(handler)", BAD_FUNCTIONS, (hf, handler) => hf.on("*", handler)],
  ["close(graceMs)", BAD_DURATIONS, async (hf, graceMs) => await hf.close({ graceMs })],
  ["close(options)", BAD_OPTIONS, async (hf, options) => await hf.close(options)],
]

describe("wrong arguments", () => {
  it.each(CASES)("of %s are refused with ARGUMENT_INVALID and leave no trace", async (_, values, call) => {
    const hf = await new RuntimeWorld().open()
    const transitions: unknown[] = []
    hf.on("*", (transition) => transitions.push(transition))
    for (const value of values) {
      const ended = (async () => await call(hf, value as never))()
      await expect(ended, `of ${JSON.stringify(value)}`).rejects.toMatchObject({
        name: "HoldfastError",
        code: "ARGUMENT_INVALID",
      })
    }
    expect(transitions).toEqual([])
    expectQuiet(await hf.inspect())
    expect((await hf.inspect()).cells.resident).toBe(0)
    await hf.lock("a").run(() => undefined)
  })

  it("say what was expected and what was found", async () => {
    const hf = await new RuntimeWorld().open()
    const messages: readonly (readonly [() => unknown, string])[] = [
      [() => hf.lock("a").run(unreached, { waitMs: -5 }), "waitMs must be a number of milliseconds from 0, found -5"],
      [() => hf.lock("a").acquire({ signal: null as never }), "signal must be an AbortSignal, found null"],
      [() => hf.lock([]), "lock takes a name or an array of names, found an empty array"],
      [() => hf.lock(["a", "b", "a"]), 'the names of one lock must be distinct, found ["a","b","a"]'],
      [() => hf.semaphore("s", 0), "limit must be a whole number from 1, found 0"],
      [() => hf.lock("a").run(undefined as never), "the callback of run must be a function, found undefined"],
      [() => hf.lock("a").acquire({ leaseMs: 0 }), "leaseMs must be a finite number of milliseconds above 0, found 0"],
      [() => hf.on("lock.held" as never, unreached), 'on takes a kind of transition or "*", found "lock.held"'],
    ]
    for (const [call, message] of messages) {
      await expect((async () => await call())()).rejects.toThrow(message)
    }
  })

  it("of a schema, a value and an update have codes of their own, and leave the cell as it was", async () => {
    const hf = await new RuntimeWorld().open()
    await expect(hf.cell("x").set(() => 1)).rejects.toMatchObject({ code: "VALUE_NOT_ENCODABLE" })
    await expect(hf.cell("x").update(async () => await Promise.resolve(1))).rejects.toMatchObject({
      code: "VALUE_INVALID",
    })
    expect(await hf.cell("x").read()).toEqual({ value: undefined, version: 0 })
  })
})

function unreached(): never {
  throw new Error("this must not run")
}
