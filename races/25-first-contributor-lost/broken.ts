/** Facts that users contribute to a memory they share, each contribution in a transaction that locks the fact's row. */
import { createHash } from "node:crypto"
import type { Scenario } from "holdfast/race"
import { Table } from "../postgres.ts"
import { expectEqual } from "../race.ts"

interface Fact {
  readonly content: string
  readonly sources: readonly string[]
  readonly isPromoted: boolean
}

interface Contribution {
  readonly status: "created" | "confirmed" | "already_contributed" | "error"
}

class CollectiveMemoryService {
  readonly #facts: Table<Fact>

  constructor(facts: Table<Fact>) {
    this.#facts = facts
  }

  async contribute(user: string, content: string): Promise<Contribution> {
    const hash = hashOf(content)
    try {
      return await this.#facts.transaction(async (tx): Promise<Contribution> => {
        const fact = await tx.selectForUpdate(hash)
        if (fact === undefined) {
          await tx.insert(hash, { content, sources: [user], isPromoted: false })
          return { status: "created" }
        }
        if (fact.sources.includes(user)) return { status: "already_contributed" }
        const sources = [...fact.sources, user]
        await tx.update(hash, { ...fact, sources, isPromoted: sources.length >= 3 })
        return { status: "confirmed" }
      })
    } catch {
      return { status: "error" }
    }
  }
}

function hashOf(content: string): string {
  return createHash("sha256").update(content.trim().toLowerCase()).digest("hex").slice(0, 8)
}

/** Two users contribute the same fact, which nobody has contributed before. */
export const broken: Scenario = async ({ actor, step }) => {
  const facts = new Table<Fact>(step)
  const service = new CollectiveMemoryService(facts)
  await Promise.all(["ana", "budi"].map((user) => actor(user, () => service.contribute(user, "A visa takes 5 days"))))
  const fact = facts.find(hashOf("A visa takes 5 days"))
  expectEqual("sources of the fact", fact?.sources.toSorted(), ["ana", "budi"])
}
