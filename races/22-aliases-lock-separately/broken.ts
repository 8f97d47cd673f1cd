/** Collections of documents, each locked by the name that the caller knows it by, of which one collection has several. */
import type { Scenario } from "holdfast/race"
import { AsyncLock, Keyed } from "../async-lock.ts"
import { expectEqual } from "../race.ts"

interface Point {
  readonly document: string
  readonly text: string
}

/** A vector database: its collections hold documents in chunks, each a point. */
class VectorDatabase {
  readonly #collections = new Keyed((): Point[] => [])

  async deleteDocument(collection: string, document: string): Promise<void> {
    const points = this.#collections.of(collection)
    points.splice(0, points.length, ...points.filter((point) => point.document !== document))
    await Promise.resolve()
  }

  async upsert(collection: string, point: Point): Promise<void> {
    this.#collections.of(collection).push(point)
    await Promise.resolve()
  }

  async search(collection: string): Promise<string[]> {
    return await Promise.resolve(this.#collections.of(collection).map(({ text }) => text))
  }
}

/** Names that have been given to one collection over the years. */
const ALIASES: Readonly<Record<string, string>> = { legal_updates: "legal_unified", legal_architect: "legal_unified" }

class CollectionManager {
  readonly #database: VectorDatabase
  readonly #locks = new Keyed(() => new AsyncLock())

  constructor(database: VectorDatabase) {
    this.#database = database
  }

  async ingest(name: string, document: string, chunks: readonly string[]): Promise<void> {
    await this.#locks.of(name).run(async () => {
      const collection = ALIASES[name] ?? name
      await this.#database.deleteDocument(collection, document)
      for (const text of chunks) await this.#database.upsert(collection, { document, text })
    })
  }
}

/** Two editions of one law are ingested, each under another name of the collection. */
export const broken: Scenario = async ({ actor, wrap }) => {
  const database = wrap(new VectorDatabase(), { name: "vectors" })
  const collections = new CollectionManager(database)
  await Promise.all([
    actor("updates", () => collections.ingest("legal_updates", "visa law", ["2024"])),
    actor("architect", () => collections.ingest("legal_architect", "visa law", ["2025"])),
  ])
  expectEqual("editions of the law that are found", (await database.search("legal_unified")).length, 1)
}
