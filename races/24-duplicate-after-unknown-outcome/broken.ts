/** A conversation that is saved by an insert, and by another insert when the first one is not answered. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { expectEqual } from "../race.ts"

interface Row {
  readonly session: string
  readonly message: string
}

/** A table behind a connection, which may break before a statement is committed, or after. */
class ConversationTable {
  readonly rows: Row[] = []
  readonly #pick: ScenarioContext["pick"]

  constructor(pick: ScenarioContext["pick"]) {
    this.#pick = pick
  }

  async insert(row: Row): Promise<number> {
    const connection = this.#pick("the connection", ["holds", "breaks after the commit", "breaks before it"])
    if (connection === "breaks before it") throw new Error("connection reset by peer")
    const id = this.rows.push(row)
    if (connection === "breaks after the commit") throw new Error("connection reset by peer")
    return await Promise.resolve(id)
  }
}

const MAX_TRIES = 3

class Conversations {
  readonly #table: ConversationTable
  readonly #env: ScenarioContext["env"]

  constructor(table: ConversationTable, env: ScenarioContext["env"]) {
    this.#table = table
    this.#env = env
  }

  /** The id of the conversation, or null when it is left to a later try. */
  async save(row: Row): Promise<number | null> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      try {
        return await this.#table.insert(row)
      } catch {
        if (attempt < MAX_TRIES - 1) await this.#sleep(1_000 * 2 ** attempt)
      }
    }
    return null
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#env.timers.after(ms, resolve)
    })
  }
}

/** One message is saved. */
export const broken: Scenario = async ({ actor, env, pick, wrap }) => {
  const table = new ConversationTable(pick)
  const conversations = new Conversations(wrap(table, { name: "conversations", methods: ["insert"] }), env)
  const row = { session: "session", message: "how long does a visa take?" }
  const id = await actor("request", () => conversations.save(row))
  if (id !== null) expectEqual("rows of a message that is saved", table.rows, [row])
}
