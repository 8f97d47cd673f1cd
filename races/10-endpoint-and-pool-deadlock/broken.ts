/** Endpoints that wait for a lock in threads of a pool, and need a thread of it to give the lock back. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { createDisk, type Disk } from "../disk.ts"
import { expectEqual } from "../race.ts"
import { ThreadLock, ThreadPool } from "../threads.ts"

const THREADS = 2
const ENDPOINTS = 3

class AnalysisServer {
  readonly #disk: Disk
  readonly #pool: ThreadPool
  readonly #lock: ThreadLock

  constructor(context: ScenarioContext) {
    this.#disk = createDisk(context)
    this.#pool = new ThreadPool(THREADS, context)
    this.#lock = new ThreadLock("the lock", context)
  }

  /** Adds an analysis to the list in a file. */
  async submit(analysis: string): Promise<void> {
    // In a thread, for it may have to wait, which must not block the event loop.
    await this.#pool.run(() => this.#lock.acquire())
    try {
      // In a thread, as all input and output is.
      await this.#pool.run(() => this.#disk.write(`${analysis}.json`, "{}"))
    } finally {
      this.#lock.release()
    }
  }

  async list(): Promise<string[]> {
    return await this.#disk.list()
  }
}

/** As many requests at once as there are threads, and one more. */
export const broken: Scenario = async (context) => {
  const server = new AnalysisServer(context)
  const names = Array.from({ length: ENDPOINTS }, (_, index) => String(index + 1))
  await Promise.all(
    names.map((name) =>
      context.actor(`endpoint ${name}`, async () => {
        await context.step("takes a request in")
        await server.submit(name)
      }),
    ),
  )
  expectEqual("analyses", (await server.list()).length, ENDPOINTS)
}
