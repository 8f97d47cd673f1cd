/** Endpoints that wait for a lock in no thread at all. */
import type { Scenario } from "holdfast/race"
import { createDisk, type Disk, readIfThere } from "../disk.ts"
import { expectEqual, type Place, type Program } from "../race.ts"
import { ThreadPool } from "../threads.ts"

/** The endpoint: adds an analysis to the list in a file. Threads of the platform's pool read and write it, as always. */
async function submit({ hf, disk }: Place, analysis: string): Promise<void> {
  await hf.lock("analyses").run(async () => {
    const text = (await readIfThere(disk, "analyses.json")) ?? "[]"
    const analyses = JSON.parse(text) as readonly string[] // Written below.
    await disk.write("analyses.json", JSON.stringify([...analyses, analysis]))
  })
}

/** Endpoints with one request each. */
export const program: Program = {
  actors: 8,
  async act(place, actor) {
    await submit(place, `analysis ${String(actor)}`)
  },
  async check({ disk }, actors) {
    const analyses = JSON.parse(await disk.read("analyses.json")) as readonly string[] // Written by `submit`.
    const expected = Array.from({ length: actors }, (_, actor) => `analysis ${String(actor)}`)
    expectEqual("analyses", analyses.toSorted(), expected)
  },
}

/** As many requests at once as there are threads, and one more. */
export const fixed: Scenario = async (context) => {
  const THREADS = 2
  const { actor, open, step: reach } = context
  const disk = createDisk(context)
  const threaded = inThreads(disk, new ThreadPool(THREADS, context))
  const endpoints = Array.from({ length: THREADS + 1 }, (_, index) => index)
  await Promise.all(
    endpoints.map(async (number) => {
      const name = `endpoint ${String(number + 1)}`
      await actor(name, async () => {
        await program.act({ hf: await open(name), folder: "", disk: threaded, reach }, number)
      })
    }),
  )
  await program.check({ hf: await open("check"), folder: "", disk, reach }, endpoints.length, null)
}

/** The disk as programs know it: a thread of a pool does each call. */
function inThreads(disk: Disk, pool: ThreadPool): Disk {
  return {
    read: async (path) => await pool.run(async () => await disk.read(path)),
    write: async (path, text) => {
      await pool.run(async () => {
        await disk.write(path, text)
      })
    },
    rename: async (from, to) => {
      await pool.run(async () => {
        await disk.rename(from, to)
      })
    },
    list: async () => await disk.list(),
  }
}
