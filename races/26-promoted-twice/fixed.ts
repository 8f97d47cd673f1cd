/** The same memory with a cell for every fact: the commit that brings the third source starts the promotion. */
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

/** Copies a fact into the knowledge that every answer draws from. */
function createPromote({ hf }: Place) {
  return hf.operation("promote", {
    version: 1,
    effects: "idempotent",
    run: async (ctx, fact: string) =>
      await ctx.transact("copy", async (tx) => {
        await tx.update(knowledgeOf({ hf }), (known) => [...known, fact])
      }),
  })
}

function knowledgeOf({ hf }: Pick<Place, "hf">) {
  return hf.cell<readonly string[]>("knowledge", { initial: [] })
}

function sourcesOf({ hf }: Place, fact: string) {
  return hf.cell<readonly string[]>(`sources/${fact}`, { initial: [] })
}

/** Users who contribute one fact, which is promoted once it has so many sources. */
function createProgram(threshold: number): Program {
  return {
    actors: 5,
    async act(place: Place, actor: number): Promise<void> {
      const promote = createPromote(place)
      await place.hf.transact(async (tx) => {
        const sources = await tx.update(sourcesOf(place, "visa"), (known) => [...known, `user ${String(actor)}`])
        if (sources.length >= threshold) tx.start(promote, ["visa"])
      })
    },
    async check(place: Place, actors: number): Promise<void> {
      expectEqual("sources", (await sourcesOf(place, "visa").get()).length, actors)
      const promote = createPromote(place)
      const worker = await place.hf.work([promote])
      await promote.handle("visa").result()
      await worker.drain()
      expectEqual("promotions", await knowledgeOf(place).get(), ["visa"])
    },
  }
}

/** Five users contribute one fact: five sources, promoted once. */
export const program: Program = createProgram(3)

/** Three users, of whom two bring a source with which the fact is to be promoted. */
export const fixed: Scenario = scenarioOf(createProgram(2), 3)
