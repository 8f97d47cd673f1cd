/** Watching cells: from what there is now to the latest, in order, by name and by prefix, on every connection. */
import { expect } from "vitest"
import type { RequestId } from "../../src/kernel/index.ts"
import { type Client, expectKind, put } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

export function testWatches(it: Conform): void {
  it("answers with what there is, then tells of what comes, up to the latest (C4)", ["cells"], async (world) => {
    const [writer, watcher] = [await world.open(), await world.open()]
    await writer.put("a", 1)
    const { request, cells } = await watcher.watch("a")
    expect(cells).toEqual([{ name: "a", version: 1, value: 1 }])
    await writer.put("a", 2)
    await writer.write({ kind: "delete", name: "a" })
    const last = await reach(watcher, request, "a", 3)
    expect(last).toEqual({ name: "a", version: 3, value: null })
    await writer.put("b", 1)
    await watcher.expectNothing((event) => event.kind === "cellChanged" && event.cell.name !== "a")
  })

  it("answers for a cell that never was with version 0 (C1, C4)", ["cells"], async (world) => {
    const [writer, watcher] = [await world.open(), await world.open()]
    const { request, cells } = await watcher.watch("a")
    expect(cells).toEqual([{ name: "a", version: 0, value: null }])
    await writer.put("a", 1)
    await reach(watcher, request, "a", 1)
  })

  it("watches every cell below a prefix, those that come later too (C4)", ["cells"], async (world) => {
    const [writer, watcher] = [await world.open(), await world.open()]
    await writer.write(put("task/1", 1), put("task/2", 1), put("user/1", 1))
    const { request, cells } = await watcher.watch({ prefix: "task/" })
    expect(cells.map(({ name }) => name)).toEqual(["task/1", "task/2"])
    await writer.write(put("task/3", 1), put("user/1", 2), { kind: "delete", name: "task/1" })
    await reach(watcher, request, "task/3", 1)
    await reach(watcher, request, "task/1", 2)
    await watcher.expectNothing()
  })

  it(
    "shows every watcher rising versions up to the latest while eight sessions write (C1, C4)",
    ["cells", "steady"],
    async (world) => {
      const [one, two, ...writers] = (await world.openMany(10)) as [Client, Client, ...Client[]]
      const watches = [
        { client: one, ...(await one.watch("a")) },
        { client: two, ...(await two.watch({ prefix: "" })) },
        { client: two, ...(await two.watch("a")) },
      ]
      const count = { kind: "merge", name: "a", merge: "counter", value: 1 } as const
      await Promise.all(
        writers.map(async (writer) => {
          for (let round = 0; round < 10; round++) await writer.write(count)
        }),
      )
      for (const { client, request } of watches) {
        const last = await reach(client, request, "a", 80)
        expect(last.value).toBe(80)
        const seen = client.versionsSeen(request, "a")
        expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b))
      }
    },
  )

  it("lets no version slip through between the answer and the first event (C4)", ["cells", "steady"], async (world) => {
    const [writer, ...watchers] = (await world.openMany(11)) as [Client, ...Client[]]
    const count = { kind: "merge", name: "a", merge: "counter", value: 1 } as const
    const writing = (async () => {
      for (let round = 0; round < 50; round++) await writer.write(count)
    })()
    const watching = watchers.map(async (watcher) => {
      const { request, cells } = await watcher.watch("a")
      const from = cells[0]?.version ?? 0
      if (from < 50) await reach(watcher, request, "a", 50)
      expect(watcher.versionsSeen(request, "a").every((version) => version > from)).toBe(true)
    })
    await Promise.all([writing, ...watching])
  })

  it(
    "tells a watch that was withdrawn nothing more, and another of the same session still (C4)",
    ["cells"],
    async (world) => {
      const [writer, watcher] = [await world.open(), await world.open()]
      const [first, second, third] = [
        await watcher.watch("a"),
        await watcher.watch("a"),
        await watcher.watch({ prefix: "" }),
      ]
      expect(await watcher.withdraw(first.request, "done")).toMatchObject({ found: true })
      expect(await watcher.withdraw(third.request, "done")).toMatchObject({ found: true })
      expect(await watcher.withdraw(third.request, "done")).toMatchObject({ found: false })
      await writer.put("a", 1)
      await reach(watcher, second.request, "a", 1)
      await watcher.expectNothing()
    },
  )

  it("tells nobody of a commit that was refused, or of a merge that changed nothing (C4)", ["cells"], async (world) => {
    const [writer, watcher] = [await world.open(), await world.open()]
    await writer.put("a", 5)
    await watcher.watch("a")
    expectKind(await writer.commit({ reads: [{ name: "a", version: 9 }], writes: [put("a", 1)] }), "conflict")
    await writer.write({ kind: "merge", name: "a", merge: "max", value: 5 })
    await watcher.expectNothing()
  })

  it("stops with the session that watched (L6, C4)", ["cells"], async (world) => {
    const [writer, watcher] = [await world.open(), await world.open()]
    const survivor = await watcher.link.open()
    const { request } = await survivor.watch("a")
    await watcher.watch("a")
    await watcher.end()
    await writer.put("a", 1)
    await reach(survivor, request, "a", 1)
    expect(watcher.log).toEqual([])
  })
}

/** Reads a watch up to a version, and gives the cell as the watch was told of it. */
async function reach(client: Client, request: RequestId, name: string, version: number) {
  for (;;) {
    const event = await client.take(`version ${String(version)} of ${name}`, (each) => {
      return each.kind === "cellChanged" && each.request === request && each.cell.name === name
    })
    if (event.kind === "cellChanged" && event.cell.version >= version) return event.cell
  }
}
