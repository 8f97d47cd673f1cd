/**
 * What is recorded: one store in two processes, whose keeper changes twice, under commits that span cells, runs and
 * locks. Every promise is said on the standard output before it is asked for and once it is made, so that a recording of
 * the system's calls has what was promised in one line with what was written.
 *
 *     host opens, works ──▶ closes: the guest's process keeps the store ──▶ opens again, works ──▶ both leave
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { writeSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Holdfast } from "../../src/index.ts"

/** What the workload says, a line each. */
export type Said =
  /** A loop asks for its n-th commit. */
  | { readonly kind: "asks"; readonly loop: string; readonly n: number }
  | { readonly kind: "committed"; readonly loop: string; readonly n: number }
  | { readonly kind: "ran"; readonly result: string }
  | { readonly kind: "granted"; readonly token: number }

/** The newest commits of a loop that are looked into: each is a cell of its own, and older ones are overwritten. */
export const RING = 4

/** A cell of the ring: what its loop had been told of others when it wrote it. */
export interface Slot {
  readonly n: number
  readonly seen: Readonly<Record<string, number>>
  readonly fill: Uint8Array
}

const LOOPS = { host: 5, guest: 3 } as const
const SEEDS = { host: 1, guest: 2 } as const

interface World {
  readonly hf: Holdfast
  readonly work: ReturnType<typeof define>
}

function define(hf: Holdfast) {
  return hf.operation("work", { version: 1, effects: "idempotent", run: (_context, name: string) => `done ${name}` })
}

async function main(role: "host" | "guest", address: string, commits: number): Promise<void> {
  // Built from these very files: a thread that is started from the sources would start a loader first.
  const built = new URL("../../dist/index.js", import.meta.url)
  const { open } = (await import(built.href)) as typeof import("../../src/index.ts")
  const seen: Record<string, number> = {}
  let draw: number = SEEDS[role]

  /** A size, the same in every recording. */
  function nextBytes(): number {
    draw = (Math.imul(draw, 1_103_515_245) + 12_345) >>> 0
    return draw % 8 === 0 ? 30_000 : (draw >>> 8) % 20_000
  }

  async function runLoop({ hf, work }: World, loop: string, from: number, to: number): Promise<void> {
    for (let n = from; n <= to; n += 1) {
      say({ kind: "asks", loop, n })
      const slot: Slot = { n, seen: { ...seen }, fill: new Uint8Array(nextBytes()).fill(n) }
      await hf.transact((tx) => {
        tx.set(hf.cell(`count/${loop}`), n)
        tx.set(hf.cell(`slot/${loop}/${String(n % RING)}`), slot)
      })
      seen[loop] = n
      say({ kind: "committed", loop, n })
      if (n % 5 === 0) say({ kind: "ran", result: await work(`${loop}/${String(n)}`) })
      if (n % 3 === 0) {
        await hf.lock(`lock/${String(n % 2)}`).run(({ token }) => say({ kind: "granted", token }))
      }
    }
  }

  async function runLoops(hf: Holdfast, from: number, to: number): Promise<void> {
    const world = { hf, work: define(hf) }
    const loops = Array.from({ length: LOOPS[role] }, (_, index) => `${role}${String(index)}`)
    await Promise.all(loops.map((loop) => runLoop(world, loop, from, to)))
  }

  const hf = await open(address)
  if (role === "guest") {
    process.send?.("open")
    await runLoops(hf, 1, commits)
    await hf.close()
    process.disconnect()
    return
  }
  const program = fileURLToPath(import.meta.url)
  const guest = fork(program, ["guest", address, String(commits)], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  const gone = once(guest, "exit")
  await once(guest, "message")
  // Soon, so that the guest keeps the store for long enough to use its log from the start again.
  const some = Math.floor(commits / 6)
  await runLoops(hf, 1, some)
  await hf.close()
  const again = await open(address)
  await runLoops(again, some + 1, commits)
  const [code] = (await gone) as [number | null]
  if (code !== 0) throw new Error(`the guest ended with ${String(code)}`)
  await again.close()
}

/** In one call, so that it is one line of the recording. */
function say(said: Said): void {
  writeSync(1, `${JSON.stringify(said)}\n`)
}

const [, program, role, address, commits] = process.argv
if (program === fileURLToPath(import.meta.url) && (role === "host" || role === "guest")) {
  await main(role, String(address), Number(commits))
}
