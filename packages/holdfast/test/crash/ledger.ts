/**
 * What players said they did, were answered and saw, held against each other and against the store.
 *
 * 1. What is begun and not done belongs to players that died: at rest nobody else has anything under way. So each audit
 *    finds every cell between what was acknowledged and what was begun, and the count starts anew from there.
 * 2. What anybody saw stays: versions and tokens are compared with the highest of before the last rest.
 */
import { closeSync, existsSync, openSync, readSync } from "node:fs"
import { join } from "node:path"
import {
  ACCOUNT_START,
  ACCOUNTS,
  type CellRead,
  type Fault,
  LOCKS,
  type OperationName,
  ownCell,
  type Report,
  SHARED_CELLS,
  stepCell,
} from "./words.ts"

/** A cell that only ever grows by one. */
interface Counted {
  base: number
  begun: number
  done: number
  seen: number
}

interface Known {
  nonce: string | null
  bodies: number
  decisions: number
  /** How many processes had died before the round it was first heard of in. */
  readonly deathsBefore: number
}

export interface Accusation {
  readonly fault: Fault
  readonly what: string
}

const CRASHES = 3

export class Ledger {
  readonly accusations: Accusation[] = []
  /** Runs completed, results seen and writes acknowledged, in all. */
  readonly totals = { writes: 0, runs: 0, results: 0, grants: 0 }
  readonly #witnesses: string
  readonly #counted = new Map<string, Counted>()
  readonly #known = new Map<string, Known>()
  readonly #interrupted = new Set<number>()
  readonly #jobs = new Set<number>()
  readonly #refusals: Extract<Report, { readonly kind: "refused" }>[] = []
  /** Runs whose first result was heard since the last audit. */
  #fresh: { op: OperationName; number: number }[] = []
  readonly #old: { op: "compute" | "pay" | "job"; number: number }[] = []
  #deaths = 0
  #deathsBefore = 0
  #highestToken = 0
  #tokenFloor = 0
  readonly #tokenLogs = new Map<string, { offset: number; last: number }>()
  #waitsForUpdate: { since: number; resolve: (at: number) => void } | null = null
  #waitsForBody: { test: (body: Body) => boolean; resolve: (body: Body) => void }[] = []

  constructor(witnesses: string) {
    this.#witnesses = witnesses
  }

  accuse(fault: Fault, what: string): void {
    this.accusations.push({ fault, what })
  }

  /** A round begins, with everybody at rest. */
  begin(): void {
    this.#deathsBefore = this.#deaths
  }

  died(): void {
    this.#deaths += 1
  }

  get deaths(): number {
    return this.#deaths
  }

  note(player: string, report: Exclude<Report, { readonly kind: "answer" }>): void {
    switch (report.kind) {
      case "fault":
        this.accuse(report.fault, report.what)
        break
      case "granted":
        this.#granted(report.lock, report.token)
        break
      case "update-began":
        this.#count(report.cell).begun += 1
        break
      case "update-done":
        this.#updated(report)
        break
      case "observed":
        this.#saw(report.cell, report.version)
        break
      case "body":
        this.#body({ ...report, player })
        break
      case "enqueued":
        if (this.#run("job", report.number).nonce === null) this.#jobs.add(report.number)
        break
      case "result":
        this.result(report.op, report.number, report.nonce)
        break
      case "refused":
        this.#refusals.push(report)
        break
    }
  }

  result(op: OperationName, number: number, nonce: string): void {
    this.totals.results += 1
    const run = this.#run(op, number)
    if (op === "job") this.#jobs.delete(number)
    if (run.nonce === null) {
      run.nonce = nonce
      this.totals.runs += 1
      if (op !== "stay" && op !== "poison") this.#old.push({ op, number })
      if (op === "compute" || op === "job") this.#fresh.push({ op, number })
    } else if (run.nonce !== nonce) {
      this.accuse("runs completed twice", `${op}(${String(number)}) was ${run.nonce} and is ${nonce}`)
    }
  }

  /** At rest, when it is known who had died. */
  judgeRefusals(): void {
    for (const { op, number, code } of this.#refusals.splice(0)) this.#judge(op, number, code)
  }

  #judge(op: OperationName, number: number, code: string): void {
    const deaths = this.#deaths - this.#run(op, number).deathsBefore
    if (code === "RUN_INTERRUPTED" && op === "pay" && deaths > 0) {
      this.#interrupted.add(number)
    } else if (code === "RUN_CRASHED" && deaths >= CRASHES) {
      if (op === "job") this.#jobs.delete(number)
    } else {
      this.accuse(
        "unexpected errors",
        `${op}(${String(number)}) was refused with ${code} after ${String(deaths)} deaths`,
      )
    }
  }

  /** Interrupted runs that nobody has decided about; asked for, each counts as decided. */
  takeInterrupted(): readonly number[] {
    const numbers = [...this.#interrupted]
    this.#interrupted.clear()
    for (const number of numbers) this.#run("pay", number).decisions += 1
    return numbers
  }

  /** Queued runs whose result nobody has heard. */
  get unheardJobs(): readonly number[] {
    return [...this.#jobs]
  }

  /** A run whose result was heard some time ago. */
  someOld(random: (limit: number) => number): { op: "compute" | "pay" | "job"; number: number } | null {
    return this.#old[random(this.#old.length)] ?? null
  }

  bodiesOf(op: OperationName, number: number): number {
    return this.#run(op, number).bodies
  }

  /** When a request was served that was made after `since`. */
  async served(since: number): Promise<number> {
    return await new Promise((resolve) => {
      this.#waitsForUpdate = { since, resolve }
    })
  }

  async body(test: (body: Body) => boolean): Promise<Body> {
    return await new Promise((resolve) => {
      this.#waitsForBody.push({ test, resolve })
    })
  }

  // Audits

  /** Which cells to read, of everybody who played since the last audit. */
  cellsToRead(players: readonly string[]): readonly string[] {
    const guarded = LOCKS.map((lock) => `guarded/${lock}`)
    const steps = this.#fresh.map(({ op, number }) => stepCell(op, number))
    return [...ACCOUNTS, ...SHARED_CELLS, ...guarded, ...players.map(ownCell), ...steps]
  }

  /** At rest: everything that was said is heard, and nobody has anything under way. */
  audit(cells: readonly CellRead[]): void {
    const byName = new Map(cells.map((cell) => [cell.name, cell]))
    let total = 0
    for (const name of ACCOUNTS) {
      const cell = byName.get(name)
      total += cell === undefined || cell.version === 0 ? ACCOUNT_START : cell.value
    }
    if (total !== ACCOUNT_START * ACCOUNTS.length) {
      this.accuse("acknowledged writes lost", `the accounts hold ${String(total)}`)
    }
    for (const [name, counted] of this.#counted) {
      const cell = byName.get(name)
      if (cell !== undefined) this.#compare(cell, counted)
    }
    for (const { op, number } of this.#fresh) {
      const commits = byName.get(stepCell(op, number))?.value ?? 0
      const what = `${op}(${String(number)}) is completed and has committed ${String(commits)} times`
      if (commits > 1) this.accuse("commits counted twice", what)
      if (commits < 1) this.accuse("acknowledged writes lost", what)
    }
    this.#fresh = []
    for (const lock of LOCKS) this.#readTokens(lock)
    this.#tokenFloor = this.#highestToken
  }

  /** A player that is over is never heard of again. */
  forget(player: string): void {
    this.#counted.delete(ownCell(player))
  }

  #compare({ name, version, value }: CellRead, counted: Counted): void {
    const { base, begun, done, seen } = counted
    const found = `${name} is ${String(value)} in version ${String(version)}, of ${String(base)} with ${String(done)} of ${String(begun)} updates acknowledged and ${String(seen)} seen`
    if (value < base + done || version < seen) this.accuse("acknowledged writes lost", found)
    else if (value > base + begun || value !== version) this.accuse("commits counted twice", found)
    counted.base = value
    counted.begun = 0
    counted.done = 0
  }

  #readTokens(lock: string): void {
    const path = join(this.#witnesses, `${lock}.tokens`)
    if (!existsSync(path)) return
    const log = this.#tokenLogs.get(lock) ?? { offset: 0, last: 0 }
    this.#tokenLogs.set(lock, log)
    for (const token of readFrom(path, log.offset).split("\n").slice(0, -1)) {
      log.offset += token.length + 1
      if (Number(token) <= log.last) {
        this.accuse("tokens that went backwards", `${lock} was entered with ${token} after ${String(log.last)}`)
      }
      log.last = Number(token)
    }
  }

  // Reports

  #granted(lock: string, token: number): void {
    this.totals.grants += 1
    if (token <= this.#tokenFloor) {
      const what = `${lock} was granted with ${String(token)}, and ${String(this.#tokenFloor)} was seen before it was asked for`
      this.accuse("tokens that went backwards", what)
    }
    this.#highestToken = Math.max(this.#highestToken, token)
  }

  #updated(report: Extract<Report, { readonly kind: "update-done" }>): void {
    const { cell, version, began, at } = report
    this.totals.writes += 1
    this.#count(cell).done += 1
    this.#saw(cell, version)
    const waits = this.#waitsForUpdate
    if (waits === null || began <= waits.since) return
    this.#waitsForUpdate = null
    waits.resolve(at)
  }

  #body(body: Body): void {
    const { op, number, token } = body
    const run = this.#run(op, number)
    run.bodies += 1
    this.#highestToken = Math.max(this.#highestToken, token)
    if (op === "pay" && run.bodies > run.decisions + 1) {
      const what = `pay(${String(number)}) began ${String(run.bodies)} times with ${String(run.decisions)} decisions`
      this.accuse("once bodies repeated undecided", what)
    }
    const waited = this.#waitsForBody
    this.#waitsForBody = waited.filter(({ test }) => !test(body))
    for (const { test, resolve } of waited) if (test(body)) resolve(body)
  }

  #saw(cell: string, version: number): void {
    const counted = this.#count(cell)
    counted.seen = Math.max(counted.seen, version)
  }

  #count(cell: string): Counted {
    const known = this.#counted.get(cell)
    if (known !== undefined) return known
    const counted = { base: 0, begun: 0, done: 0, seen: 0 }
    this.#counted.set(cell, counted)
    return counted
  }

  #run(op: OperationName, number: number): Known {
    const name = `${op}/${String(number)}`
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const run = { nonce: null, bodies: 0, decisions: 0, deathsBefore: this.#deathsBefore }
    this.#known.set(name, run)
    return run
  }
}

/** An attempt that began, and where. */
export type Body = Extract<Report, { readonly kind: "body" }> & { readonly player: string }

/** What was appended to a file since. */
function readFrom(path: string, offset: number): string {
  const descriptor = openSync(path, "r")
  try {
    const chunks: Buffer[] = []
    for (let position = offset; ;) {
      const buffer = Buffer.alloc(65_536)
      const length = readSync(descriptor, buffer, 0, buffer.length, position)
      if (length === 0) return Buffer.concat(chunks).toString("latin1")
      chunks.push(buffer.subarray(0, length))
      position += length
    }
  } finally {
    closeSync(descriptor)
  }
}
