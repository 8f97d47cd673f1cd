/** Every fixed program, acted out by real processes and threads on one store in a folder. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { open } from "holdfast"
import { afterAll, beforeAll, describe, it } from "vitest"
import { races } from "../catalog.ts"
import { openDisk } from "../disk.ts"
import { Crew } from "./crew.ts"

/** How often each program is acted out, each time on a store of its own. */
const ROUNDS = 3

describe("across three processes and two threads", () => {
  let crew: Crew

  beforeAll(async () => {
    crew = await Crew.start({ processes: 3, threads: 2 })
    // As long as a test may take: on a busy machine, five participants take longer to start than a hook may by default.
  }, 120_000)

  afterAll(async () => {
    await crew.end()
  })

  it.each(races)("$folder holds", async ({ number, program }) => {
    const { actors, faults = [] } = program
    for (let round = 0; round < Math.max(ROUNDS, faults.length); round++) {
      const folder = await mkdtemp(join(tmpdir(), "race-"))
      const fault = faults[round % faults.length] ?? null
      const url = `file:${join(folder, "store")}`
      // Otherwise whoever opens it first keeps the store, and whoever is killed takes its keeper along; who is stopped
      // would stop the store for all.
      const keeper = round % 2 === 1 || fault?.signal === "SIGSTOP" ? await open(url) : null
      try {
        await crew.act({ race: number, url, folder, actors, fault })
        const hf = await open(url)
        const place = { hf, folder, disk: openDisk(folder), reach: async () => await Promise.resolve() }
        await program.check(place, actors, fault)
        await hf.close()
      } finally {
        await keeper?.close()
        await rm(folder, { recursive: true, force: true })
      }
    }
  })
})
