/** Every fixed program, acted out by real processes and threads on one store in a folder. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { open } from "holdfast"
import { afterAll, beforeAll, describe, it } from "vitest"
import { races } from "../catalog.ts"
import { Crew } from "./crew.ts"

/** How often each program is acted out, each time on a store of its own. */
const ROUNDS = 3

describe("across three processes and two threads", () => {
  let crew: Crew

  beforeAll(async () => {
    crew = await Crew.start({ processes: 3, threads: 2 })
  })

  afterAll(async () => {
    await crew.end()
  })

  it.each(races)("$folder holds", async ({ number, program }) => {
    for (let round = 0; round < ROUNDS; round++) {
      const folder = await mkdtemp(join(tmpdir(), "race-"))
      try {
        const url = `file:${join(folder, "store")}`
        await crew.act(number, { url, folder }, program.actors)
        const hf = await open(url)
        await program.check({ hf, folder }, program.actors)
        await hf.close()
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    }
  })
})
