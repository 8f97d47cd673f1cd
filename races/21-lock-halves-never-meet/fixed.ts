/** The same memory behind one lock: its shared side for readers, and all of it for writers. */
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

const FACTS = "facts.json"
const SUMMARY = "summary.txt"

async function readFacts({ disk }: Place): Promise<readonly string[]> {
  const text = (await disk.list()).includes(FACTS) ? await disk.read(FACTS) : "[]"
  return JSON.parse(text) as string[] // Written by `remember`.
}

async function readSummary({ disk }: Place): Promise<string> {
  return (await disk.list()).includes(SUMMARY) ? await disk.read(SUMMARY) : summarize([])
}

function summarize(facts: readonly string[]): string {
  return `${String(facts.length)} facts`
}

async function readContext(place: Place): Promise<{ readonly facts: readonly string[]; readonly summary: string }> {
  const readers = place.hf.lock("memory/ana").shared({ limit: 10 })
  return await readers.run(async () => ({ facts: await readFacts(place), summary: await readSummary(place) }))
}

async function remember(place: Place, fact: string): Promise<void> {
  await place.hf.lock("memory/ana").run(async () => {
    const facts = [...(await readFacts(place)), fact]
    await place.disk.write(FACTS, JSON.stringify(facts))
    await place.disk.write(SUMMARY, summarize(facts))
  })
}

/** Every third actor remembers so many facts, and the others read as often. */
function createProgram(times: number): Program {
  return {
    actors: 15,
    async act(place: Place, actor: number): Promise<void> {
      for (let time = 0; time < times; time++) {
        if (actor % 3 === 0) await remember(place, `fact ${String(actor)}.${String(time)}`)
        else {
          const { facts, summary } = await readContext(place)
          expectEqual("the summary that was read with the facts", summary, summarize(facts))
        }
      }
    },
    async check(place: Place, actors: number): Promise<void> {
      expectEqual("facts", (await readFacts(place)).length, Math.ceil(actors / 3) * times)
    },
  }
}

/** Five writers and ten readers, twenty times each: no reader sees a summary of other facts. */
export const program: Program = createProgram(20)

/** One writer and two readers, once each. */
export const fixed: Scenario = scenarioOf(createProgram(1), 3)
