/** A memory behind a read-write lock that is a semaphore for readers and a lock for writers. */
import type { Scenario } from "holdfast/race"
import { AsyncLock, AsyncSemaphore, Keyed } from "../async-lock.ts"
import { expectEqual } from "../race.ts"

/** What is known of each user: facts, and a summary of them, each in a table of its own. */
class MemoryService {
  readonly #facts = new Keyed((): string[] => [])
  readonly #summaries = new Map<string, string>()

  async addFact(user: string, fact: string): Promise<string[]> {
    this.#facts.of(user).push(fact)
    return await this.getFacts(user)
  }

  async updateSummary(user: string, summary: string): Promise<void> {
    this.#summaries.set(user, summary)
    await Promise.resolve()
  }

  async getFacts(user: string): Promise<string[]> {
    return await Promise.resolve([...this.#facts.of(user)])
  }

  async getSummary(user: string): Promise<string> {
    return await Promise.resolve(this.#summaries.get(user) ?? summarize([]))
  }
}

function summarize(facts: readonly string[]): string {
  return `${String(facts.length)} facts`
}

interface MemoryContext {
  readonly facts: readonly string[]
  readonly summary: string
}

class MemoryOrchestrator {
  readonly #memory: MemoryService
  readonly #writeLocks = new Keyed(() => new AsyncLock())
  readonly #readSemaphores = new Keyed(() => new AsyncSemaphore(10))

  constructor(memory: MemoryService) {
    this.#memory = memory
  }

  /** Readers read together, ten at most. */
  async getUserContext(user: string): Promise<MemoryContext> {
    return await this.#readSemaphores.of(user).run(async () => ({
      facts: await this.#memory.getFacts(user),
      summary: await this.#memory.getSummary(user),
    }))
  }

  /** Writers write alone. */
  async processConversation(user: string, fact: string): Promise<void> {
    await this.#writeLocks.of(user).run(async () => {
      const facts = await this.#memory.addFact(user, fact)
      await this.#memory.updateSummary(user, summarize(facts))
    })
  }
}

/** A conversation is remembered while the memory is read for the next answer. */
export const broken: Scenario = async ({ actor, wrap }) => {
  const orchestrator = new MemoryOrchestrator(wrap(new MemoryService(), { name: "memory" }))
  const [, context] = await Promise.all([
    actor("writer", () => orchestrator.processConversation("ana", "likes tea")),
    actor("reader", () => orchestrator.getUserContext("ana")),
  ])
  expectEqual("the summary that was read with the facts", context.summary, summarize(context.facts))
}
