/** Cells: versions, commits over several, conflicts, the queue for a contended cell, merges, listing. */
import { expect } from "vitest"
import { cellQueueName, type Merge } from "../../src/kernel/index.ts"
import { type Client, expectKind, expectRefused, put } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

export function testCells(it: Conform): void {
  it("counts versions from 0, one a commit, over deletions too (C1)", ["cells"], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    expect(await one.get("a")).toEqual([0, null])
    expect(await one.put("a", 5)).toBe(1)
    expect(await two.put("a", 5)).toBe(2)
    expect(await two.write({ kind: "delete", name: "a" })).toEqual([3])
    expect(await one.get("a")).toEqual([3, null])
    expect(await one.put("a", 6)).toBe(4)
    expect(await two.get("a")).toEqual([4, 6])
  })

  it("keeps numbers and bytes exactly as they were written (C1)", ["cells"], async (world) => {
    const [writer, reader] = [await world.open(), await world.open()]
    const values = [0, -0, 1.5, Number.NaN, -Infinity, 2 ** 53, Uint8Array.of(), Uint8Array.of(0, 255, 128)]
    for (const [at, value] of values.entries()) await writer.put(`value ${String(at)}`, value)
    for (const [at, value] of values.entries()) {
      const [, read] = await reader.get(`value ${String(at)}`)
      expect(read).toEqual(value)
    }
  })

  it("reads several cells as of one moment, in the order asked (C3)", ["cells"], async (world) => {
    const [writer, reader] = [await world.open(), await world.open()]
    const writing = (async () => {
      for (let round = 1; round <= 30; round++) await writer.write(put("a", round), put("b", round))
    })()
    for (let round = 0; round < 30; round++) {
      const { cells } = expectKind(
        await reader.send({ kind: "readCells", names: ["b", "c", "a"], head: false }),
        "cells",
      )
      expect(cells.map(({ name }) => name)).toEqual(["b", "c", "a"])
      expect(cells[0]?.value).toBe(cells[2]?.value)
    }
    await writing
  })

  it("writes all of a commit or none of it (C1, C3)", ["cells"], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    await one.write(put("a", 1), put("b", 1))
    const reads = [
      { name: "a", version: 1 },
      { name: "b", version: 1 },
    ]
    await two.put("b", 2)
    expect(await one.commit({ reads, writes: [put("a", 9), put("c", 9)] })).toEqual({
      kind: "conflict",
      name: "b",
      expected: 1,
      found: 2,
    })
    expect([await one.get("a"), await one.get("c")]).toEqual([
      [1, 1],
      [0, null],
    ])
  })

  it("finds a conflict in what was absent when it was read (C3)", ["cells"], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    const reads = [{ name: "a", version: 0 }]
    await two.put("a", 1)
    await two.write({ kind: "delete", name: "a" })
    expect(await one.commit({ reads, writes: [put("b", 1)] })).toMatchObject({ kind: "conflict", found: 2 })
    expectKind(await one.commit({ reads: [{ name: "b", version: 0 }] }), "committed")
  })

  it("loses none of the updates of twelve contending sessions (C1, C2, C3)", ["cells"], async (world) => {
    const clients = await world.openMany(12)
    await Promise.all(
      clients.map(async (client) => {
        for (let done = 0; done < 5;) {
          const [version, value] = await client.get("counter")
          const reads = [{ name: "counter", version }]
          const outcome = await client.commit({ reads, writes: [put("counter", Number(value ?? 0) + 1)] })
          if (outcome.kind === "committed") done += 1
          else expectKind(outcome, "conflict")
        }
      }),
    )
    expect(await (clients[0] as Client).get("counter")).toEqual([60, 60])
  })

  it("keeps the sum of accounts that contending sessions transfer between (C3)", ["cells"], async (world) => {
    const clients = await world.openMany(6)
    const [first] = clients as [Client]
    const names = ["a", "b", "c"]
    await first.write(...names.map((name) => put(name, 100)))
    await Promise.all(
      clients.map(async (client, at) => {
        const [from = "", to = ""] = [names[at % 3], names[(at + 1 + (at % 2)) % 3]]
        for (let done = 0; done < 5;) {
          const [[fromVersion, fromValue], [toVersion, toValue]] = [await client.get(from), await client.get(to)]
          const outcome = await client.commit({
            reads: [
              { name: from, version: fromVersion },
              { name: to, version: toVersion },
            ],
            writes: [put(from, Number(fromValue) - 1), put(to, Number(toValue) + 1)],
          })
          if (outcome.kind === "committed") done += 1
        }
      }),
    )
    let sum = 0
    for (const name of names) sum += Number((await first.get(name))[1])
    expect(sum).toBe(300)
  })

  it("keeps a cell for whoever queued for it, and tells others to queue too (C2)", ["cells"], async (world) => {
    const [queued, late] = [await world.open(), await world.open()]
    const token = await queued.lock(cellQueueName("a"))
    expect(await late.commit({ writes: [put("b", 1), put("a", 1)] })).toEqual({ kind: "contended", name: "a" })
    expect(await late.get("b")).toEqual([0, null])
    // Reading the cell, and writing others, goes on.
    expectKind(await late.commit({ reads: [{ name: "a", version: 0 }], writes: [put("b", 1)] }), "committed")
    const next = await late.queue(cellQueueName("a"))
    expectKind(await queued.commit({ holding: [token], writes: [put("a", 1)] }), "committed")
    await queued.release(token)
    const turn = await late.granted(next)
    expectKind(await late.commit({ holding: [turn], writes: [put("a", 2)] }), "committed")
    await late.release(turn)
    expect(await queued.put("a", 3)).toBe(3)
  })

  it("ends every update of twenty contending sessions after one lost race (C2)", ["cells", "steady"], async (world) => {
    const clients = await world.openMany(20)
    await Promise.all(
      clients.map(async (client) => {
        const update = async (holding: readonly never[]) => {
          // As updates do: what is durable may be older than what a commit must rest on.
          const [version, value] = await client.get("a", true)
          const writes = [put("a", Number(value ?? 0) + 1)]
          return await client.commit({ holding, reads: [{ name: "a", version }], writes })
        }
        if ((await update([])).kind === "committed") return
        const turn = await client.lockEventually(cellQueueName("a"))
        // With the queue's grant in hand nobody else can write, so this attempt is the last.
        expectKind(await update([turn as never]), "committed")
        await client.release(turn)
      }),
    )
    expect(await (clients[0] as Client).get("a")).toEqual([20, 20])
  })

  it(
    "merges by the larger, by the sum, or by the last value, without reading first (C1, C2)",
    ["cells", "steady"],
    async (world) => {
      const clients = await world.openMany(4)
      const merge = (name: Merge, value: number) => ({ kind: "merge", name, merge: name, value }) as const
      await Promise.all(
        clients.map(async (client, at) => {
          for (let round = 0; round < 5; round++) {
            await client.write(merge("max", at * 10 + round), merge("counter", 1), merge("last", at))
          }
        }),
      )
      const [reader] = clients as [Client]
      expect((await reader.get("max"))[1]).toBe(34)
      expect(await reader.get("counter")).toEqual([20, 20])
      expect((await reader.get("last"))[0]).toBe(20)
      const [version] = await reader.get("max")
      // What changes nothing is no version.
      expect(await reader.write(merge("max", 7))).toEqual([version])
    },
  )

  it("refuses to merge what are no numbers, and writes nothing of that commit (C1)", ["cells"], async (world) => {
    const client = await world.open()
    const bytes = Uint8Array.of(1)
    await client.put("text", bytes)
    for (const merge of ["max", "counter"] as const) {
      const onText = { kind: "merge", name: "text", merge, value: 1 } as const
      const ofText = { kind: "merge", name: "fresh", merge, value: bytes } as const
      expectRefused(await client.commit({ writes: [put("b", 1), onText] }), "VALUE_INVALID")
      expectRefused(await client.commit({ writes: [put("b", 1), ofText] }), "VALUE_INVALID")
    }
    expect([await client.get("b"), await client.get("fresh")]).toEqual([
      [0, null],
      [0, null],
    ])
    expect(await client.write({ kind: "merge", name: "text", merge: "last", value: 3 })).toEqual([2])
  })

  it("starts a merge anew where there is nothing, or no longer anything (C1)", ["cells", "steady"], async (world) => {
    const client = await world.open()
    const count = { kind: "merge", name: "a", merge: "counter", value: 5 } as const
    await client.write(count)
    await client.write({ kind: "delete", name: "a" })
    await client.write(count)
    expect(await client.get("a")).toEqual([3, 5])
  })

  it("refuses a commit that writes a cell twice (C1)", ["cells"], async (world) => {
    const client = await world.open()
    expectRefused(await client.commit({ writes: [put("a", 1), { kind: "delete", name: "a" }] }), "ARGUMENT_INVALID")
    expect(await client.get("a")).toEqual([0, null])
  })

  it(
    "lists the cells below a prefix in order of name, up to a limit, and none that were deleted (C1)",
    ["cells"],
    async (world) => {
      const client = await world.open()
      for (const name of ["task/2", "task/10", "user/1", "task/1", "task/3"]) await client.put(name, 1)
      await client.write({ kind: "delete", name: "task/3" })
      const list = async (prefix: string, limit: number) => {
        const { cells } = expectKind(await client.send({ kind: "listCells", prefix, limit }), "cells")
        return cells.map(({ name, version }) => `${name} v${String(version)}`)
      }
      expect(await list("task/", 100)).toEqual(["task/1 v1", "task/10 v1", "task/2 v1"])
      expect(await list("task/", 2)).toEqual(["task/1 v1", "task/10 v1"])
      expect(await list("nobody", 2)).toEqual([])
      expect(await list("", 100)).toHaveLength(4)
    },
  )
}
