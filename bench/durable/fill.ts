/**
 * Fills a closed store with settled runs and idle cells through the journal's own writer, far faster than they could be
 * run. Identities rise with the runs, where those of real runs are spread by their hash.
 */
import { join } from "node:path"
import { systemEnv } from "../../packages/holdfast/src/env/index.ts"
import { encodeValue } from "../../packages/holdfast/src/kernel/index.ts"
import type { Identity, Token } from "../../packages/holdfast/src/kernel/index.ts"
import type { RunRow } from "../../packages/holdfast/src/kernel/state.ts"
import type { JournalBatch } from "../../packages/holdfast/src/stores/embedded/journal/batch.ts"
import { openDatabase } from "../../packages/holdfast/src/stores/embedded/journal/opening.ts"
import { JournalWriter } from "../../packages/holdfast/src/stores/embedded/journal/writer.ts"

const ROWS_A_BATCH = 5_000

export interface Filling {
  /** The store's folder, opened once before. */
  readonly folder: string
  readonly operation: string
  /** Numbers of the runs and cells, from the first to before the last. */
  readonly from: number
  readonly to: number
  readonly hasCells: boolean
  /** How long ago the runs' retention was over; null for runs that are kept. */
  readonly expiredMs: number | null
}

export function fillStore(filling: Filling): void {
  const path = join(filling.folder, "journal.db")
  const { database, meta } = openDatabase({ path, env: systemEnv, build: "bench" })
  database.close()
  const writer = new JournalWriter(path)
  const now = Date.now()
  let number = meta.lastBatch
  for (let from = filling.from; from < filling.to; from += ROWS_A_BATCH) {
    const to = Math.min(from + ROWS_A_BATCH, filling.to)
    number += 1
    const ceiling = meta.tokenCeiling + (to - filling.from)
    writer.write([batchOf({ ...filling, from, to }, { number, ceiling, now })])
  }
  writer.checkpoint()
  writer.close()
}

interface Place {
  readonly number: number
  readonly ceiling: number
  readonly now: number
}

function batchOf(filling: Filling, { number, ceiling, now }: Place): JournalBatch {
  const rows: JournalBatch["rows"][number][] = []
  for (let i = filling.from; i < filling.to; i += 1) {
    const row = runOf(i, (ceiling - (filling.to - i)) as Token, now, filling)
    rows.push({ key: `run:${row.identity}`, row })
    if (filling.hasCells) rows.push({ key: `cell:bulk/${i}`, row: { version: 1, value: encodeValue(i, "a cell") } })
  }
  return { number, rows, replies: { put: [], drop: [], dropClients: [] }, tokenCeiling: ceiling }
}

function runOf(i: number, generation: Token, now: number, { operation, expiredMs }: Filling): RunRow {
  // Brand constructor: as many digits as a hash has.
  const identity = `hf1:${i.toString(16).padStart(64, "0")}` as Identity
  const retainMs = 1_000
  const settledAt = expiredMs === null ? now : now - retainMs - expiredMs
  return {
    identity,
    generation,
    operation,
    version: 1,
    args: encodeValue([`run ${i}`], "the arguments"),
    key: null,
    effects: "idempotent",
    retry: { maxAttempts: 1, initialMs: 100, factor: 2, maxMs: 60_000 },
    concurrency: null,
    keyed: null,
    attemptTimeoutMs: null,
    retainMs: expiredMs === null ? null : retainMs,
    abandon: "keep",
    priority: 0,
    arrival: generation,
    createdAt: settledAt,
    status: "completed",
    paused: false,
    pinned: false,
    notBefore: settledAt,
    attempt: 1,
    failures: 0,
    crashes: 0,
    steps: [],
    progress: null,
    result: encodeValue(i, "the result"),
    failure: null,
    startedAt: settledAt,
    settledAt,
  }
}
