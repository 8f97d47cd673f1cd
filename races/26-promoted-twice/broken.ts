/** Facts that users contribute to a memory they share: whoever brings the third source has the fact promoted. */
import type { Scenario } from "holdfast/race"
import { expectEqual } from "../race.ts"

interface Fact {
  readonly id: string
  readonly sourceCount: number
  readonly isPromoted: boolean
}

/** The table of facts: every statement is atomic by itself. */
class FactTable {
  readonly #facts = new Map<string, { id: string; sources: Set<string>; isPromoted: boolean }>()

  async findOrCreate(id: string): Promise<Fact> {
    const fact = this.#facts.get(id) ?? { id, sources: new Set(), isPromoted: false }
    this.#facts.set(id, fact)
    return await Promise.resolve({ id, sourceCount: fact.sources.size, isPromoted: fact.isPromoted })
  }

  async addSource(id: string, user: string): Promise<void> {
    this.#facts.get(id)?.sources.add(user)
    await Promise.resolve()
  }

  async setPromoted(id: string): Promise<void> {
    const fact = this.#facts.get(id)
    if (fact !== undefined) fact.isPromoted = true
    await Promise.resolve()
  }
}

/** Copies a fact into the knowledge that every answer draws from. */
class KnowledgeBase {
  readonly promoted: string[] = []

  async promote(id: string): Promise<void> {
    this.promoted.push(id)
    await Promise.resolve()
  }
}

class CollectiveMemoryService {
  readonly #facts: FactTable
  readonly #knowledge: KnowledgeBase

  constructor(facts: FactTable, knowledge: KnowledgeBase) {
    this.#facts = facts
    this.#knowledge = knowledge
  }

  async contribute(user: string, id: string): Promise<void> {
    await this.#facts.findOrCreate(id)
    await this.#facts.addSource(id, user)
    const fact = await this.#facts.findOrCreate(id)
    if (fact.sourceCount >= 3 && !fact.isPromoted) {
      await this.#facts.setPromoted(id)
      await this.#knowledge.promote(id)
    }
  }
}

/** Two sources are there when two more users contribute the fact. */
export const broken: Scenario = async ({ actor, wrap }) => {
  const knowledge = new KnowledgeBase()
  const service = new CollectiveMemoryService(
    wrap(new FactTable(), { name: "facts" }),
    wrap(knowledge, { name: "knowledge", methods: ["promote"] }),
  )
  await service.contribute("ana", "visa")
  await service.contribute("budi", "visa")
  await Promise.all(["citra", "dewi"].map((user) => actor(user, () => service.contribute(user, "visa"))))
  expectEqual("promotions", knowledge.promoted, ["visa"])
}
