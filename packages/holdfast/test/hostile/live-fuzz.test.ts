/**
 * A live keeper under attack through its real socket, while an honest client works: for seconds, or for as many minutes as
 * `npm run fuzz -- --minutes N` says. The seed decides who does what in which order; HOLDFAST_SEED chooses another.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { createPrng } from "../../src/env/prng.ts"
import { nextTurn } from "../../src/env/turn.ts"
import { open } from "../built-package.ts"
import { describeLatency, percentilesOf } from "../host/latency.ts"
import { makeAddress, Program } from "../host/program.ts"
import { Attacker, ATTACKS } from "./attacks.ts"

const MINUTES = Number(process.env["HOLDFAST_FUZZ_MINUTES"] ?? 0.1)
const SEED = Number(process.env["HOLDFAST_SEED"] ?? 20_242)

/** At once; more would only wait for the processor. */
const ATTACKERS = 48

/** What each connection may hold is bounded by megabytes; this is far below what they would hold if nothing bounded it. */
const MOST_BYTES = 700 * 1024 * 1024

interface Announcement {
  readonly pid: number
  readonly socket: string
  readonly incarnation: string
}

function readAnnouncement(address: string): Announcement {
  return JSON.parse(readFileSync(join(address.slice("file:".length), "keeper.json"), "utf8")) as Announcement
}

function residentBytes(pid: number): number {
  const kibibytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]
  return Number(kibibytes) * 1024
}

it(
  "a keeper survives whatever comes over its socket, in bounded memory, and serves the honest all the while (C2, L1)",
  async () => {
    console.log(`attacking a keeper for ${String(MINUTES)} minutes: HOLDFAST_SEED=${String(SEED)}`)
    const address = makeAddress()
    const host = await Program.start("checkedHost", address)
    const announced = readAnnouncement(address)
    expect(announced.pid).toBe(host.child.pid)
    const hf = await open(address)
    const endMs = performance.now() + MINUTES * 60_000
    const isOver = (): boolean => performance.now() >= endMs
    const [attacks, served, mostBytes] = await Promise.all([
      attack(announced.socket, isOver),
      serveHonest(hf, isOver),
      watchMemory(announced.pid, isOver),
    ])
    console.log("attacks:", Object.fromEntries(attacks))
    console.log(describeLatency("an honest client's steps meanwhile", percentilesOf(served)))
    console.log(`the keeper's process took ${String(Math.round(mostBytes / 1024 / 1024))} MiB at most`)
    expect(attacks.size).toBe(Object.keys(ATTACKS).length)
    expect(await hf.cell("honest").get()).toBe(served.length)
    expect(mostBytes).toBeLessThan(MOST_BYTES)
    // The same keeper, not a successor.
    expect(readAnnouncement(address)).toEqual(announced)
    expect(host.child.exitCode).toBeNull()
    await hf.close()
  },
  MINUTES * 60_000 + 120_000,
)

async function attack(socket: string, isOver: () => boolean): Promise<Map<string, number>> {
  const prng = createPrng(SEED)
  const names = Object.keys(ATTACKS)
  const counts = new Map<string, number>()
  const lane = async (): Promise<void> => {
    while (!isOver()) {
      const name = names[prng.nextBelow(names.length)] ?? ""
      const attacker = new Attacker(socket)
      ATTACKS[name]?.(attacker, prng)
      counts.set(name, (counts.get(name) ?? 0) + 1)
      // Some stay until they are thrown out or their turn is over, which is what a slow one does.
      await Promise.race([attacker.closed, turns(prng.nextBelow(200))])
      attacker.leave()
      await attacker.closed
    }
  }
  await Promise.all(Array.from({ length: ATTACKERS }, lane))
  return counts
}

/** Counts under a lock: each step must be the next one. Gives what each took. */
async function serveHonest(hf: Awaited<ReturnType<typeof open>>, isOver: () => boolean): Promise<number[]> {
  const timesMs: number[] = []
  const cell = hf.cell<number>("honest")
  while (!isOver()) {
    const startMs = performance.now()
    const count = await hf.lock("honest").run(() => cell.update((value) => (value ?? 0) + 1))
    timesMs.push(performance.now() - startMs)
    expect(count).toBe(timesMs.length)
  }
  return timesMs
}

async function watchMemory(pid: number, isOver: () => boolean): Promise<number> {
  let mostBytes = 0
  while (!isOver()) {
    mostBytes = Math.max(mostBytes, residentBytes(pid))
    await turns(10)
  }
  return mostBytes
}

/** So many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await nextTurn()
}
