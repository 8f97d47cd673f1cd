/** What a keeper does for whoever looks after its store. */
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import type { Journal } from "../journal/journal.ts"
import type { AdminAnswer, AdminOrder } from "../keeper/admin.ts"
import type { Connection } from "../keeper/connection.ts"
import type { Keeper } from "../keeper/keeper.ts"
import { BUILD } from "./build.ts"

export interface AdministerOptions {
  readonly env: Env
  readonly keeper: Keeper
  readonly journal: Journal
  readonly pid: number
}

/** How long a report waits for news: half of what a client waits for the keeper. */
const NEWS_BOUND_MS = 5_000

/** Does what is asked on a connection. */
export type Administer = (order: AdminOrder, on: Connection) => Promise<AdminAnswer>

export function administerWith(options: AdministerOptions): Administer {
  const { env, keeper, journal, pid } = options
  const startedAt = env.clock.now()
  return async (order, on) => {
    on.heard()
    switch (order.kind) {
      case "ping":
        return { kind: "done" }
      case "backup":
        await journal.backup(order.file)
        return { kind: "done" }
      case "compact":
        await (order.vacuum ? journal.vacuum() : journal.checkpoint())
        return { kind: "done" }
      case "holdFiles":
        on.holdFiles()
        return { kind: "done" }
      case "releaseFiles":
        if (on.releaseFiles()) return { kind: "done" }
        throw new HoldfastError(
          "STORE_UNAVAILABLE",
          "the files of large values should have been held on this connection until now, but were not, as after a change of keepers, or where nothing was heard on it for minutes; hold them, and begin again",
        )
      case "report": {
        const told = new AbortController()
        const known = await keeper.report(order.since, pause(env, NEWS_BOUND_MS, told.signal))
        told.abort()
        const { instance, createdAt, build } = journal
        const report = { ...known, keeper: { pid, build: BUILD, startedAt }, store: { instance, createdAt, build } }
        return { kind: "report", report }
      }
    }
  }
}

/** Resolves when the time is over or the signal aborts, whichever is first. */
async function pause(env: Env, ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = env.timers.after(ms, resolve, { keepAlive: false })
    signal.addEventListener("abort", () => {
      timer.cancel()
      resolve()
    })
  })
}
