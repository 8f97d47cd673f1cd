/** Room made at once: results that can be computed again are forgotten, the least recently used first (O9). */
import type { Env } from "../../../env/index.ts"
import { HoldfastError, type SessionId } from "../../../kernel/index.ts"
import { connectFolder } from "../client/connect.ts"
import { findFolder } from "../folder/folder.ts"

export interface EvictResultsOptions {
  /** `file:DIR`, or a path. */
  readonly address: string
  readonly env: Env
  /** What large values may take afterwards. What nobody can compute again stays, so that more may be left. */
  readonly maxBytes: number
}

/** What was forgotten. Its files go in the moments after. */
export interface Evicted {
  readonly runs: number
  readonly bytes: number
}

/** @throws HoldfastError ARGUMENT_INVALID, STORE_UNAVAILABLE, STORE_NEWER, STORE_DAMAGED, STORE_FULL */
export async function evictResults({ address, env, maxBytes }: EvictResultsOptions): Promise<Evicted> {
  const store = await connectFolder({ address: findFolder(address, env).path, env, check: false })
  const session = env.ids.next() as SessionId // Brand constructor.
  try {
    await store.execute({ kind: "openSession", session, label: "gc" })
    let [runs, bytes] = [0, 0]
    // Bounded steps, so that nobody waits behind them; each is durable when it is answered.
    for (;;) {
      const outcome = await store.execute({ kind: "evictBlobs", session, maxBytes })
      if (outcome.kind === "refused") throw new HoldfastError(outcome.code, outcome.message)
      if (outcome.kind !== "evicted" || outcome.runs === 0) return { runs, bytes }
      runs += outcome.runs
      bytes += outcome.bytes
    }
  } finally {
    await store.close()
  }
}
