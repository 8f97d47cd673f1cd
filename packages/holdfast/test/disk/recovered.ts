/**
 * What a folder holds after a crash, against what was promised before it: read as a keeper reads it, by the real journal.
 */
import { join } from "node:path"
import { systemEnv } from "../../src/env/index.ts"
import { decodeValue } from "../../src/kernel/value.ts"
import { checkJournal } from "../../src/stores/embedded/journal/check.ts"
import { openDatabase } from "../../src/stores/embedded/journal/opening.ts"
import { JournalReader } from "../../src/stores/embedded/journal/reader.ts"
import type { Slot } from "./workload-main.ts"
import { RING, type Said } from "./workload-main.ts"

/** What had been said at a moment. */
export class Promised {
  readonly asked: Map<string, number> = new Map()
  readonly committed: Map<string, number> = new Map()
  readonly results: Set<string> = new Set()
  token = 0

  hear(line: string): void {
    const said = JSON.parse(line) as Said // The workload says nothing else.
    switch (said.kind) {
      case "asks":
        this.asked.set(said.loop, said.n)
        break
      case "committed":
        this.committed.set(said.loop, said.n)
        break
      case "ran":
        this.results.add(said.result)
        break
      case "granted":
        this.token = Math.max(this.token, said.token)
        break
    }
  }

  /** Whether anything was promised that a store would have to hold. */
  get isEmpty(): boolean {
    return this.committed.size === 0
  }
}

/** Everything that is wrong with the folder, a sentence each; empty where it is what it must be. */
export function findWrong(folder: string, promised: Promised): string[] {
  const path = join(folder, "journal.db")
  const wrong: string[] = []
  try {
    const { database, meta } = openDatabase({ path, env: systemEnv, build: "test" })
    const reader = new JournalReader(database, path)
    try {
      wrong.push(...findWrongCells(reader, promised), ...findWrongRuns(reader, promised))
      if (meta.tokenCeiling < promised.token) {
        wrong.push(`token ${String(promised.token)} was handed out above the ceiling ${String(meta.tokenCeiling)} (L2)`)
      }
    } finally {
      reader.close()
    }
    for (const { table, key, what } of checkJournal(path, { repair: false })) {
      wrong.push(`the full check found ${String(table)} ${String(key)}: ${what}`)
    }
  } catch (error) {
    wrong.push(`it could not be read: ${String(error)}`)
  }
  return wrong
}

function findWrongCells(reader: JournalReader, promised: Promised): string[] {
  const wrong: string[] = []
  const values = new Map<string, unknown>()
  for (const { name, value } of reader.listCells("", Infinity)) {
    values.set(name, value === null ? undefined : decodeValue(value))
  }
  const counts = new Map([...promised.asked.keys()].map((loop) => [loop, Number(values.get(`count/${loop}`) ?? 0)]))
  for (const [loop, count] of counts) {
    const told = promised.committed.get(loop) ?? 0
    const asked = promised.asked.get(loop) ?? 0
    if (count < told) wrong.push(`commit ${String(told)} of ${loop} was acknowledged, and ${String(count)} are left`)
    if (count > asked) wrong.push(`${loop} asked for ${String(asked)} commits, and ${String(count)} are there`)
    for (let place = 0; place < RING; place += 1) {
      const n = count - ((((count - place) % RING) + RING) % RING)
      // Only the workload writes there.
      const slot = values.get(`slot/${loop}/${String(place)}`) as Slot | undefined
      if ((slot?.n ?? 0) !== Math.max(0, n)) {
        wrong.push(`${loop} counts ${String(count)}, but slot ${String(place)} is of commit ${String(slot?.n)} (C3)`)
      }
      if (slot === undefined) continue
      if (slot.fill.some((byte) => byte !== slot.n % 256)) wrong.push(`slot ${String(place)} of ${loop} is a mix`)
      for (const [other, seen] of Object.entries(slot.seen)) {
        if (seen > (counts.get(other) ?? 0)) {
          wrong.push(`${loop}/${String(slot.n)} knew of commit ${String(seen)} of ${other}, which is lost (S3)`)
        }
      }
    }
  }
  return wrong
}

function findWrongRuns(reader: JournalReader, promised: Promised): string[] {
  const results = new Set<unknown>()
  for (const { result } of reader.listRuns({ operation: "work", statuses: ["completed"], limit: Infinity })) {
    results.add(result === null ? undefined : decodeValue(result))
  }
  return [...promised.results].filter((each) => !results.has(each)).map((each) => `the result "${each}" is lost (O2)`)
}
