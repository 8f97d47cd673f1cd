/**
 * Programs of processes of their own, for what a keeper's thread does to them and they to it. The first argument says
 * which, the second names the store; most obey orders, and each says on its channel what it has to say.
 */
import { writeSync } from "node:fs"
import type { Lock } from "../../src/index.ts"
import { open } from "../built-package.ts"

/** What a program says. */
export type ProgramReport =
  | { readonly kind: "ready" }
  | { readonly kind: "blocked"; readonly ms: number }
  | { readonly kind: "turns"; readonly turns: readonly Turn[] }
  /** When it was served, by the machine's monotonic clock. */
  | { readonly kind: "served"; readonly atMs: number }

/** A lock's time with one process, by the machine's monotonic clock. */
export interface Turn {
  readonly token: number
  readonly grantedMs: number
  readonly releasedMs: number
}

/** What it is told. */
export type ProgramOrder =
  | { readonly kind: "block"; readonly ms: number }
  /** Takes turns with others at a lock for so long. */
  | { readonly kind: "take turns"; readonly ms: number }

function sinceBootMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function say(report: ProgramReport): void {
  process.send?.(report)
}

function onOrder(obey: (order: ProgramOrder) => void): void {
  process.on("message", obey)
  process.on("disconnect", () => process.exit(0))
  say({ kind: "ready" })
}

/** Keeps the store, and blocks its main thread when told: the most a user's program can do to others. */
async function host(address: string, check = false): Promise<void> {
  const hf = await open(address, { check })
  await hf.cell("warm").set(1)
  onOrder((order) => {
    if (order.kind !== "block") return
    const startMs = sinceBootMs()
    while (sinceBootMs() < startMs + order.ms);
    say({ kind: "blocked", ms: sinceBootMs() - startMs })
  })
}

/** Takes the lock again and again: two of these wake each other at every turn. */
async function partner(address: string): Promise<void> {
  const hf = await open(address)
  await hf.cell("warm").get()
  onOrder((order) => {
    if (order.kind === "take turns") void takeTurns(hf.lock("turn"), order.ms)
  })
}

async function takeTurns(lock: Lock, ms: number): Promise<void> {
  const turns: Turn[] = []
  const endMs = sinceBootMs() + ms
  while (sinceBootMs() < endMs) {
    const grant = await lock.acquire()
    const grantedMs = sinceBootMs()
    turns.push({ token: grant.token, grantedMs, releasedMs: sinceBootMs() })
    await grant.release()
  }
  say({ kind: "turns", turns })
}

/** Counts in a cell as fast as it can, and says when each commit was acknowledged. */
async function worker(address: string): Promise<void> {
  const hf = await open(address)
  say({ kind: "ready" })
  process.on("disconnect", () => process.exit(0))
  for (let n = 1; ; n += 1) {
    await hf.cell(`count/${String(process.pid)}`).set(n)
    say({ kind: "served", atMs: sinceBootMs() })
  }
}

/** Its main function ends with a commit under way, which nothing but the store waits for. */
async function leaveUnderWay(address: string): Promise<void> {
  const hf = await open(address)
  void hf.cell("last").set("written")
}

/** Ends at once, right after it was told that a write is there. */
async function exitAfterAnswer(address: string): Promise<void> {
  const hf = await open(address)
  await hf.cell("last").set("written")
  writeSync(1, "acknowledged")
  process.exit(0)
}

/** Awaits nothing: a store that is open, and keeps it alive not at all. */
async function idle(address: string): Promise<void> {
  const hf = await open(address)
  await hf.lock("held").acquire()
  await hf.cell("read").get()
  writeSync(1, "idle")
}

const PROGRAMS: Readonly<Record<string, (address: string) => Promise<void>>> = {
  host,
  // Asserts every invariant after every command.
  checkedHost: (address) => host(address, true),
  partner,
  worker,
  leaveUnderWay,
  exitAfterAnswer,
  idle,
}

const [, , name = "", address = ""] = process.argv
await PROGRAMS[name]?.(address)
