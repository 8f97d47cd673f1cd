/** The same collections, each behind the lock of the one name that it has in the database. */
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

/** A chunk of a document, by edition. */
type Points = readonly string[]

/** A vector database: a file for every collection. */
async function readPoints({ disk }: Place, collection: string): Promise<Points> {
  const text = (await disk.list()).includes(collection) ? await disk.read(collection) : "[]"
  return JSON.parse(text) as Points // Written below.
}

async function upsert(place: Place, collection: string, point: string): Promise<void> {
  await place.disk.write(collection, JSON.stringify([...(await readPoints(place, collection)), point]))
}

/** Names that have been given to one collection over the years. */
const ALIASES = ["legal_unified", "legal_updates", "legal_architect"]

function collectionOf(name: string): string {
  return ALIASES.includes(name) ? "legal_unified" : name
}

function lockOf({ hf }: Place, name: string) {
  return hf.lock(`collection/${collectionOf(name)}`)
}

async function ingest(place: Place, name: string, chunks: Points): Promise<void> {
  const collection = collectionOf(name)
  await lockOf(place, name).run(async () => {
    await place.disk.write(collection, "[]")
    for (const chunk of chunks) await upsert(place, collection, chunk)
  })
}

async function search(place: Place, name: string): Promise<Points> {
  return await lockOf(place, name)
    .shared({ limit: 20 })
    .run(async () => await readPoints(place, collectionOf(name)))
}

/** Editions of one law that are ingested in so many chunks under one name or another, and searched for. */
function createProgram(chunks: number): Program {
  return {
    actors: 10,
    async act(place: Place, actor: number): Promise<void> {
      const name = ALIASES[actor % ALIASES.length] ?? ""
      await ingest(place, name, Array<string>(chunks).fill(`edition ${String(actor)}`))
      checkFound(await search(place, name), chunks)
    },
    async check(place: Place): Promise<void> {
      checkFound(await search(place, "legal_unified"), chunks)
    },
  }
}

function checkFound(found: Points, chunks: number): void {
  expectEqual("chunks that are found", found.length, chunks)
  expectEqual("editions that are found", new Set(found).size, 1)
}

/** Ten editions in twenty chunks: every search finds one edition, whole. */
export const program: Program = createProgram(20)

/** Two editions of two chunks. */
export const fixed: Scenario = scenarioOf(createProgram(2), 2)
