/** The operations of the workload. Each body says that it began before it does anything else. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Effects, Holdfast, Operation, RunContext } from "../../../src/index.ts"
import { type OperationName, stepCell } from "../words.ts"
import { say, sinceBoot } from "./say.ts"

/** What a body returns: no two executions, anywhere, return the same. */
export interface Made {
  readonly nonce: string
  /** Some results are large enough to be stored apart. */
  readonly bulk: Uint8Array | null
}

const BULK_BYTES = 40_000
const BULKY = 10
const BODY_MS = 4

export type Operations = Readonly<Record<OperationName, Operation<[number], Made>>>

/** Defines them all; `player` makes their results its own. */
export function defineOperations(hf: Holdfast, player: string): Operations {
  let made = 0
  function makeResult(number: number): Made {
    made += 1
    const bulk = number % BULKY === BULKY - 1 ? new Uint8Array(BULK_BYTES).fill(number % 251) : null
    return { nonce: `${player}.${String(made)}`, bulk }
  }
  function begin(op: OperationName, number: number, { attempt, token }: RunContext): void {
    say({ kind: "body", op, number, attempt, token, at: sinceBoot() })
  }
  function define(
    name: OperationName,
    effects: Effects,
    work: (context: RunContext, number: number) => Promise<void>,
  ): Operation<[number], Made> {
    const run = async (context: RunContext, number: number): Promise<Made> => {
      begin(name, number, context)
      await work(context, number)
      return makeResult(number)
    }
    return hf.operation(name, { version: 1, effects, run })
  }
  async function count(op: OperationName, context: RunContext, number: number): Promise<void> {
    await sleep(number % BODY_MS)
    await context.transact("count", async (tx) => {
      await tx.update(hf.cell(stepCell(op, number), { initial: 0 }), (commits) => commits + 1)
    })
    await sleep(number % BODY_MS)
  }
  return {
    compute: define("compute", "idempotent", (context, number) => count("compute", context, number)),
    job: define("job", "idempotent", (context, number) => count("job", context, number)),
    // Its effect is the line its body says; only what is not cut off may be repeated.
    pay: define("pay", "once", () => sleep(1)),
    // Waits for its own death once.
    stay: define("stay", "idempotent", async (context) => {
      if (context.attempt === 1) await new Promise((resolve) => context.signal.addEventListener("abort", resolve))
    }),
    poison: define("poison", "idempotent", async () => {
      process.kill(process.pid, "SIGKILL")
      await new Promise(() => {})
    }),
  }
}
