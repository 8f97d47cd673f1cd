/** A conversation that is kept in a cache and in a database: every save writes the one, and then the other. */
import type { Scenario } from "holdfast/race"
import { expectEqual } from "../race.ts"

/** What the assistant reads when it answers next. */
class MemoryCache {
  readonly #messages = new Map<string, string[]>()

  addMessage(session: string, message: string): void {
    this.#messages.set(session, [...this.getMessages(session), message])
  }

  getMessages(session: string): string[] {
    return this.#messages.get(session) ?? []
  }
}

class ConversationTable {
  readonly #rows: { readonly session: string; readonly message: string }[] = []

  async insert(session: string, message: string): Promise<number> {
    return await Promise.resolve(this.#rows.push({ session, message }))
  }

  async select(session: string): Promise<string[]> {
    return await Promise.resolve(this.#rows.filter((row) => row.session === session).map(({ message }) => message))
  }
}

class Conversations {
  readonly #cache: MemoryCache
  readonly #table: ConversationTable

  constructor(cache: MemoryCache, table: ConversationTable) {
    this.#cache = cache
    this.#table = table
  }

  async save(session: string, message: string): Promise<void> {
    this.#cache.addMessage(session, message)
    await this.#table.insert(session, message)
  }
}

/** Two messages of one conversation are saved. */
export const broken: Scenario = async ({ actor, step, wrap }) => {
  const cache = new MemoryCache()
  const table = wrap(new ConversationTable(), { name: "conversations" })
  const conversations = new Conversations(cache, table)
  await Promise.all(
    ["how long does a visa take?", "and what does it cost?"].map((message, request) =>
      actor(`request ${String(request + 1)}`, async () => {
        await step("arrives")
        await conversations.save("session", message)
      }),
    ),
  )
  expectEqual("the database beside the cache", await table.select("session"), cache.getMessages("session"))
}
