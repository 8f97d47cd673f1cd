/**
 * A witness outside the store of who is inside a lock: whoever enters leaves a file with its process, and looks whose
 * files are there. Of two that are inside at once, the later one sees the earlier one's file.
 */
import { appendFileSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { accuse } from "./say.ts"

/** A process that was killed is seen for a moment more: its locks are given back before it is quite gone. */
const DYING_MS = 500

/** Entered by `limit` at once; `leave` before the lock is given back. */
export class Witness {
  readonly #folder: string
  readonly #lock: string
  readonly #limit: number

  constructor(folder: string, lock: string, limit: number) {
    this.#folder = join(folder, lock)
    this.#lock = lock
    this.#limit = limit
    mkdirSync(this.#folder, { recursive: true })
  }

  async enter(token: number): Promise<void> {
    const mine = `${nameOf(process.pid, startOf(process.pid) ?? "")}-${String(token)}`
    closeSync(openSync(join(this.#folder, mine), "wx"))
    // Who is inside appends in the order of the grants, which is the order of their tokens.
    if (this.#limit === 1) appendFileSync(`${this.#folder}.tokens`, `${String(token)}\n`)
    const others = readdirSync(this.#folder).filter((name) => name !== mine && this.#isInside(name))
    if (others.length < this.#limit) return
    const inside: string[] = []
    for (const name of others) if (await this.#isStillInside(name)) inside.push(name)
    if (inside.length < this.#limit) return
    accuse("two live holders at once", `${this.#lock}: ${mine} entered while ${inside.join(", ")} was inside`)
  }

  leave(token: number): void {
    rmSync(join(this.#folder, `${nameOf(process.pid, startOf(process.pid) ?? "")}-${String(token)}`), { force: true })
  }

  /** Somebody's file whose process lives; a dead one's is cleared away. */
  #isInside(name: string): boolean {
    const [pid = "", start = ""] = name.split("-")
    if (startOf(Number(pid)) === start) return true
    rmSync(join(this.#folder, name), { force: true })
    return false
  }

  async #isStillInside(name: string): Promise<boolean> {
    for (let waited = 0; waited < DYING_MS; waited += 1) {
      if (!this.#isInside(name)) return false
      await sleep(1)
    }
    return true
  }
}

function nameOf(pid: number, start: string): string {
  return `${String(pid)}-${start}`
}

/** When the process began, so that a number used again is no mistake; null once it is dead. */
function startOf(pid: number): string | null {
  try {
    const fields = readFileSync(`/proc/${String(pid)}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
    const [state] = fields
    return state === "Z" || state === "X" ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}
