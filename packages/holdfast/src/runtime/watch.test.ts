/** Watching: in order, never back, always up to the latest, and nothing left behind. */
import { getEventListeners } from "node:events"
import { describe, expect, it } from "vitest"
import { faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Command, StoreEvent } from "../kernel/index.ts"
import type { Store } from "../store/index.ts"
import { type Changes, Holdfast } from "./index.ts"

/** Reads a watch in the background. */
function collect<T>(changes: Changes<T>): { readonly seen: T[]; readonly ended: Promise<void> } {
  const seen: T[] = []
  const ended = (async () => {
    for await (const change of changes) seen.push(change)
  })()
  return { seen, ended }
}

async function countWaits(hf: Holdfast): Promise<number> {
  return (await hf.inspect()).sessions.reduce((sum, { waits }) => sum + waits, 0)
}

describe("watching a cell", () => {
  it("starts with the current version, and follows every change of a reader that keeps up (C4)", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell<string>("a")
    await cell.set("one")
    const { seen, ended } = collect(cell.watch())
    await settle()
    for (const write of [() => cell.set("two"), () => cell.delete(), () => cell.set("three")]) {
      await write()
      await settle()
    }
    expect(seen).toEqual([
      { value: "one", version: 1 },
      { value: "two", version: 2 },
      { value: undefined, version: 3 },
      { value: "three", version: 4 },
    ])
    await hf.close()
    await ended
  })

  it("starts with version 0 where there was never anything", async () => {
    const hf = await new RuntimeWorld().open()
    const watch = hf.cell("a", { initial: 5 }).watch()
    expect(await watch.next()).toEqual({ done: false, value: { value: 5, version: 0 } })
    await watch.return()
    expect(await countWaits(hf)).toBe(0)
  })

  it("skips what a slow reader missed, never goes back, and always reaches the latest (C4)", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial: 0 })
    const watch = cell.watch()
    const versions: number[] = []
    for (let round = 0; round < 5; round++) {
      versions.push((await watch.next()).value?.version ?? -1)
      for (let n = 0; n < 10; n++) await cell.update((value) => value + 1)
    }
    expect(versions).toEqual([0, 10, 20, 30, 40])
    expect((await watch.next()).value).toEqual({ value: 50, version: 50 })
    await watch.return()
  })

  it.each(["one", "two"] as const)(
    "sees versions in order behind a wire with lines in %s, whatever overtakes what (C4)",
    async (lines) => {
      for (let seed = 0; seed < 10; seed++) {
        const world = new RuntimeWorld()
        const [far, near] = [await world.openDeferred(seed, lines), await world.open("near")]
        const cell = near.cell("a", { initial: 0 })
        const { seen, ended } = collect(far.cell("a", { initial: 0 }).watch())
        for (let n = 0; n < 20; n++) {
          await cell.update((value) => value + 1)
          if (n % 4 === 0) await settle()
        }
        await settle()
        const versions = seen.map(({ version }) => version)
        expect(versions).toEqual([...new Set(versions)].toSorted((x, y) => x - y))
        expect(seen.at(-1)).toEqual({ value: 20, version: 20 })
        expect(seen.every(({ value, version }) => value === version)).toBe(true)
        await far.close()
        await ended
      }
    },
  )

  it("ends when its signal is aborted, also before it began, and leaves nothing (L4)", async () => {
    const hf = await new RuntimeWorld().open()
    const controller = new AbortController()
    const { signal } = controller
    const { seen, ended } = collect(hf.cell("a").watch({ signal }))
    await settle()
    expect(getEventListeners(signal, "abort")).toHaveLength(1)
    controller.abort()
    await ended
    expect(seen).toHaveLength(1)
    expect(getEventListeners(signal, "abort")).toEqual([])
    expect(await countWaits(hf)).toBe(0)
    const late = collect(hf.cell("a").watch({ signal }))
    await late.ended
    expect(late.seen).toEqual([])
  })

  it("is never taken back by news that come late, whatever a store sends (C4)", async () => {
    const world = new RuntimeWorld()
    const inner = world.store.connect()
    let tell: (event: StoreEvent) => void = () => undefined
    let watched: Extract<Command, { kind: "watchCells" }> | undefined
    const store: Store = {
      id: inner.id,
      execute: (command) => {
        if (command.kind !== "watchCells") return inner.execute(command)
        watched = command
        return { kind: "cells", cells: [{ name: "a", version: 5, value: 5 }] }
      },
      onEvent: (handler) => {
        tell = handler
        inner.onEvent(handler)
      },
      onTransition: (handler) => {
        inner.onTransition(handler)
      },
      close: async () => {
        await inner.close()
      },
    }
    const hf = await Holdfast.connect({ store, env: world.env, label: "me" })
    const { seen, ended } = collect(hf.cell("a").watch())
    await settle()
    for (const version of [4, 5, 7, 6, 8]) {
      if (watched === undefined) throw new Error("nothing is watched")
      const { session, request } = watched
      tell({ kind: "cellChanged", session, request, cell: { name: "a", version, value: version } })
      await settle()
    }
    await hf.close()
    await ended
    expect(seen.map(({ version }) => version)).toEqual([5, 7, 8])
  })

  it("ends when the loop is left, and leaves nothing (L4)", async () => {
    const hf = await new RuntimeWorld().open()
    const { signal } = new AbortController()
    for await (const { version } of hf.cell("a").watch({ signal })) {
      expect(version).toBe(0)
      break
    }
    expect(getEventListeners(signal, "abort")).toEqual([])
    for await (const { version } of hf.cell("a").watch()) {
      expect(version).toBe(0)
      expect(await countWaits(hf)).toBe(1)
      break
    }
    await expect(
      (async () => {
        for await (const change of hf.cell("a").watch()) throw new Error(`left at ${change.version}`)
      })(),
    ).rejects.toThrow("left at 0")
    await settle()
    expect(await countWaits(hf)).toBe(0)
  })

  it("registers nothing before it is read, and nothing when it never is", async () => {
    const hf = await new RuntimeWorld().open()
    const watch = hf.cell("a").watch()
    expect(await countWaits(hf)).toBe(0)
    await watch.return()
    expect(await watch.next()).toEqual({ done: true, value: undefined })
  })

  it("ends when the store closes, also while it is being registered (S1)", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred(1), await world.openDeferred(2, "one")]) {
      const parked = collect(hf.cell("a").watch())
      await settle()
      const registering = collect(hf.cell("a").watch())
      await hf.close()
      await Promise.all([parked.ended, registering.ended])
      expect(parked.seen).toHaveLength(1)
      await faultOf(hf.cell("a").watch().next(), "CLOSED")
    }
  })

  it("gives each watcher values of its own", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial: [1] })
    const [one, two] = [cell.watch(), cell.watch()]
    const first = (await one.next()).value
    first?.value.push(2)
    expect((await two.next()).value).toEqual({ value: [1], version: 0 })
    await one.return()
    await two.return()
  })
})

describe("watching a prefix", () => {
  it("starts with the cells that have a value, and follows new ones, changes and deletions (C4)", async () => {
    const hf = await new RuntimeWorld().open()
    await hf.cell("t/a").set(1)
    await hf.cell("t/b").set(2)
    await hf.cell("t/b").delete()
    await hf.cell("u").set(3)
    const { seen, ended } = collect(hf.watch("t/"))
    await settle()
    for (const write of [
      () => hf.cell("t/c").set(4),
      () => hf.cell("t/a").delete(),
      () => hf.cell("u").set(5),
      () => hf.cell("t/a").set(6),
    ]) {
      await write()
      await settle()
    }
    expect(seen).toEqual([
      { name: "t/a", value: 1, version: 1 },
      { name: "t/c", value: 4, version: 1 },
      { name: "t/a", value: undefined, version: 2 },
      { name: "t/a", value: 6, version: 3 },
    ])
    await hf.close()
    await ended
  })

  it("that is aborted gives nothing more, however much is unread", async () => {
    const hf = await new RuntimeWorld().open()
    const controller = new AbortController()
    const watch = hf.watch("t/", { signal: controller.signal })
    const first = watch.next()
    await settle()
    for (const name of ["t/a", "t/b", "t/c"]) await hf.cell(name).set(1)
    expect((await first).value).toMatchObject({ name: "t/a" })
    controller.abort()
    expect(await watch.next()).toEqual({ done: true, value: undefined })
  })

  it("keeps only the newest of each cell for a slow reader, and none goes back (C4)", async () => {
    const hf = await new RuntimeWorld().open()
    const watch = hf.watch("t/")
    const first = watch.next()
    await settle()
    for (let n = 1; n <= 10; n++) for (const name of ["t/a", "t/b", "t/c"]) await hf.cell(name).set(n)
    const got = [
      (await first).value,
      (await watch.next()).value,
      (await watch.next()).value,
      (await watch.next()).value,
    ]
    const last = new Map<string, number>()
    for (const change of got) {
      if (change === undefined) continue
      expect(change.version).toBeGreaterThan(last.get(change.name) ?? 0)
      last.set(change.name, change.version)
    }
    expect([...last.values()]).toEqual([10, 10, 10])
    await watch.return()
    expect(await countWaits(hf)).toBe(0)
  })

  it("refuses a prefix that is no text with ARGUMENT_INVALID", async () => {
    const hf = await new RuntimeWorld().open()
    expect(() => hf.watch(5 as never)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }))
  })
})

describe("watching a run", () => {
  it("follows its progress until it settles, the settled state last (C4)", async () => {
    const hf = await new RuntimeWorld().open()
    const gates = [new Gate(), new Gate()]
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      run: async (ctx) => {
        for (const [index, gate] of gates.entries()) {
          await gate.opened
          await ctx.progress({ part: index + 1 })
        }
        return "done"
      },
    })
    const run = await hf.start(op, [])
    const { seen, ended } = collect(run.watch())
    await settle()
    const worker = await hf.work([op])
    for (const gate of gates) {
      await settle()
      gate.open()
    }
    await ended
    expect(seen.map(({ status, progress }) => [status, progress])).toEqual([
      ["pending", undefined],
      ["running", undefined],
      ["running", { part: 1 }],
      ["running", { part: 2 }],
      ["completed", { part: 2 }],
    ])
    expect(await countWaits(hf)).toBe(1) // The worker's slot.
    const late = collect(run.watch())
    await late.ended
    expect(late.seen).toMatchObject([{ status: "completed" }])
    await worker.drain()
  })

  it("ends with a failure, a cancellation or an interruption, too", async () => {
    const hf = await new RuntimeWorld().open()
    const fail = hf.operation("fail", {
      version: 1,
      effects: "pure",
      run: () => {
        throw new Error("no")
      },
    })
    const run = await hf.start(fail, [])
    const canceled = await hf.start(fail, [], { key: "other" })
    const watches = [collect(run.watch()), collect(canceled.watch())]
    await settle()
    await canceled.cancel()
    const worker = await hf.work([fail])
    await Promise.all(watches.map(({ ended }) => ended))
    expect(watches.map(({ seen }) => seen.at(-1)?.status)).toEqual(["failed", "canceled"])
    expect(watches[0]?.seen.at(-1)?.failure).toMatchObject({ name: "Error", message: "no" })
    await worker.drain()
  })

  it("of a run that is forgotten ends with RUN_SUPERSEDED, after what was still unread (O4)", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: () => 1 })
    const open = collect((await op.start([])).watch())
    const slow = (await op.start([])).watch()
    await slow.next()
    await settle()
    await op.put([], 2)
    await op.forget()
    await open.ended
    expect(open.seen.map(({ status }) => status)).toEqual(["pending", "completed"])
    expect(await slow.next()).toMatchObject({ value: { status: "completed" } })
    const forgotten = collect((await op.start([])).watch())
    await settle()
    await op.forget()
    await faultOf(forgotten.ended, "RUN_SUPERSEDED")
    expect(await countWaits(hf)).toBe(0)
  })

  it("is refused for a run that is unknown or was replaced: RUN_UNKNOWN, RUN_SUPERSEDED", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: () => 1 })
    await faultOf(
      hf
        .run("hf1:x@1" as never)
        .watch()
        .next(),
      "RUN_UNKNOWN",
    )
    await faultOf(hf.run("nonsense" as never).status(), "RUN_UNKNOWN")
    await op()
    const old = await op.start([])
    await op.start([], { force: true })
    await faultOf(old.watch().next(), "RUN_SUPERSEDED")
    await faultOf(old.status(), "RUN_SUPERSEDED")
    expect(await countWaits(hf)).toBe(0)
  })
})
