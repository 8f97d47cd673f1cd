/** Analyses in cells: a cleanup is a transaction, which sees them as of one instant, or is made again. */
import type { Holdfast } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Program } from "../race.ts"

/** The ids of completed analyses that have not been removed, in the order in which they ended. */
function completedOf(hf: Holdfast) {
  return hf.cell<readonly string[]>("completed", { initial: [] })
}

function analysisOf(hf: Holdfast, id: string) {
  return hf.cell<"running" | "completed">(`analysis/${id}`)
}

async function complete(hf: Holdfast, id: string): Promise<void> {
  await hf.transact(async (tx) => {
    tx.set(analysisOf(hf, id), "completed")
    await tx.update(completedOf(hf), (ids) => [...ids, id])
  })
}

/** Removes all completed analyses but the newest. */
async function cleanUp(hf: Holdfast, kept: number): Promise<void> {
  await hf.transact(async (tx) => {
    const ids = await tx.get(completedOf(hf))
    if (ids.length <= kept) return
    for (const id of ids.slice(0, -kept)) tx.delete(analysisOf(hf, id))
    tx.set(completedOf(hf), ids.slice(-kept))
  })
}

/** So many completed analyses are there, the newest, and all that are running. */
async function check(hf: Holdfast, { kept, running }: { readonly kept: number; readonly running: readonly string[] }) {
  const ids = await completedOf(hf).get()
  expectEqual("how many completed analyses are kept", ids.length, kept)
  const found = (await hf.list("analysis/", { limit: 1_000 })).map(({ name }) => name)
  expectEqual("analyses that are there", found, [...running, ...ids].map((id) => `analysis/${id}`).toSorted())
}

const ANALYSES = 20
const KEPT = 10

/** Five background tasks that each run 20 analyses, clean up after every one, and leave one more running. */
export const program: Program = {
  actors: 5,
  async act({ hf }, actor) {
    await analysisOf(hf, `${String(actor)}/running`).set("running")
    for (let number = 1; number <= ANALYSES; number++) {
      await complete(hf, `${String(actor)}/${String(number)}`)
      await cleanUp(hf, KEPT)
    }
  },
  async check({ hf }, actors) {
    await check(hf, { kept: KEPT, running: Array.from({ length: actors }, (_, actor) => `${String(actor)}/running`) })
  },
}

/** A client asks for a cleanup while a background task ends, whose analysis is then the newest and kept. */
export const fixed: Scenario = async ({ actor, open }) => {
  const before = await open("before")
  for (const id of ["first", "second"]) await complete(before, id)
  await Promise.all([
    actor("background task", async () => {
      const hf = await open("background task")
      await complete(hf, "third")
      await cleanUp(hf, 1)
    }),
    actor("endpoint", async () => {
      await cleanUp(await open("endpoint"), 1)
    }),
  ])
  expectEqual("the completed analyses that are kept", await completedOf(before).get(), ["third"])
  await check(before, { kept: 1, running: [] })
}
