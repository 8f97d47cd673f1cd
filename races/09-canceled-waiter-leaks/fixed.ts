/** A lock whose waiters are told to leave by a signal, and are gone from it then. */
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program } from "../race.ts"

const LOCK = "simulation"

/** The background task records a step. */
async function recordStep({ hf }: Pick<Place, "hf">): Promise<void> {
  const steps = hf.cell("steps", { initial: 0 })
  await hf.lock(LOCK).run(async () => {
    await steps.set((await steps.get()) + 1)
  })
}

/** The endpoint answers a client, and waits no longer than that client does. Undefined when it has gone. */
async function readStatus({ hf }: Pick<Place, "hf">, signal: AbortSignal): Promise<number | undefined> {
  try {
    return await hf.lock(LOCK).run(async () => await hf.cell("steps", { initial: 0 }).get(), { signal })
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined
    throw error
  }
}

/** The lock can be taken when all are done, and so many steps are there. */
async function check({ hf }: Pick<Place, "hf">, steps: number): Promise<void> {
  // Not `try`: what was granted to somebody who had left just then may still be on its way back.
  const found = await hf.lock(LOCK).run(async () => await hf.cell("steps", { initial: 0 }).get(), { waitMs: 10_000 })
  expectEqual("steps", found, steps)
  expectEqual("locks that are held or waited for", (await hf.inspect()).locks, [])
}

/** Background tasks and clients in turn, each of them so often. Clients go away soon after they have asked. */
const ROUNDS = 10

export const program: Program = {
  actors: 10,
  async act(place, actor) {
    for (let round = 1; round <= ROUNDS; round++) {
      if (actor % 2 === 0) await recordStep(place)
      else await askAndLeave(place)
    }
  },
  async check(place, actors) {
    await check(place, (actors / 2) * ROUNDS)
  },
}

async function askAndLeave(place: Place): Promise<void> {
  const gone = new AbortController()
  const request = readStatus(place, gone.signal)
  // As long as the store takes to answer: by then the request waits, has the lock, or is done.
  await place.hf.cell("departures", { initial: 0 }).update((count) => count + 1)
  gone.abort()
  await request
}

/** A client goes away at any moment while its request waits for the lock of a background task. */
export const fixed: Scenario = async ({ actor, open, step }) => {
  const gone = new AbortController()
  const [task, endpoint] = [await open("background task"), await open("endpoint")]
  await Promise.all([
    actor("background task", async () => {
      await recordStep({ hf: task })
    }),
    actor("endpoint", async () => {
      await readStatus({ hf: endpoint }, gone.signal)
    }),
    actor("client", async () => {
      await step("goes away")
      gone.abort()
    }),
  ])
  await check({ hf: await open("check") }, 1)
}
