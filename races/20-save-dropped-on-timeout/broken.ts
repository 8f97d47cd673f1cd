/** An assistant's memory: saves of one user take turns, and one whose turn does not come within five seconds is dropped. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { AsyncLock, Keyed, TimeoutError } from "../async-lock.ts"
import { expectEqual } from "../race.ts"

/** What is known of each user, in a database. */
class MemoryTable {
  readonly #facts = new Map<string, readonly string[]>()

  async load(user: string): Promise<readonly string[]> {
    return await Promise.resolve(this.#facts.get(user) ?? [])
  }

  async save(user: string, facts: readonly string[]): Promise<void> {
    this.#facts.set(user, facts)
    await Promise.resolve()
  }
}

const LOCK_TIMEOUT_MS = 5_000

class Logger {
  async warn(_message: string): Promise<void> {
    await Promise.resolve()
  }
}

class ChatOrchestrator {
  readonly #memory: MemoryTable
  readonly #log: Logger
  readonly #env: ScenarioContext["env"]
  readonly #locks = new Keyed(() => new AsyncLock())

  constructor(memory: MemoryTable, log: Logger, env: ScenarioContext["env"]) {
    this.#memory = memory
    this.#log = log
    this.#env = env
  }

  /** Never throws: an answer must not fail because its memory could not be saved. */
  async saveMemory(user: string, fact: string): Promise<void> {
    const lock = this.#locks.of(user)
    try {
      await lock.acquireWithin(this.#env.timers, LOCK_TIMEOUT_MS)
      try {
        await this.#memory.save(user, [...(await this.#memory.load(user)), fact])
      } finally {
        lock.release()
      }
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error
      await this.#log.warn(`memory save lock timeout for user ${user}`)
    }
  }
}

/** Two chats of one user have each learned something. */
export const broken: Scenario = async ({ actor, env, wrap }) => {
  const memory = wrap(new MemoryTable(), { name: "memory" })
  const orchestrator = new ChatOrchestrator(memory, wrap(new Logger(), { name: "log" }), env)
  await Promise.all(
    ["likes tea", "lives in Bali"].map((fact, chat) =>
      actor(`chat ${String(chat + 1)}`, () => orchestrator.saveMemory("ana", fact)),
    ),
  )
  expectEqual("facts saved", (await memory.load("ana")).length, 2)
}
