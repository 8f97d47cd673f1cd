/** A process that raises a flag, or looks for it again and again, as programs do that have nobody to wake them. */
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { nowMs, serveOrders } from "./orders.ts"

const flag = process.argv[2]
if (flag === undefined) throw new Error("expected the path of a flag as argument")

const handlers = {
  raiseFlag(): number {
    const raisedMs = nowMs()
    writeFileSync(flag, "")
    return raisedMs
  },

  /** When it saw the flag, which it takes down. */
  async awaitFlag(pollMs: number): Promise<number> {
    while (!existsSync(flag)) await new Promise((resolve) => setTimeout(resolve, pollMs))
    const seenMs = nowMs()
    rmSync(flag)
    return seenMs
  },
}

export type PollOrders = typeof handlers

serveOrders(handlers)
