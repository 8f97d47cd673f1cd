/**
 * Crowds: many callers at one lock at once. Each is measured in a process of its own (crowd-process.ts), which has a
 * clean heap and can be ended when it takes too long: a queue that collapses blocks its event loop for minutes.
 */
import { fork } from "node:child_process"
import { medianOf, type Effort } from "./measure.ts"

export type CrowdTask =
  | { readonly kind: "burst"; readonly locker: string; readonly waiters: number }
  | { readonly kind: "halfAborted"; readonly waiters: number }

export interface CrowdResult {
  readonly nsPerWaiter: number
  /** Live heap beside an empty lock, while all wait and after all have gone. */
  readonly waitingBytes: number
  readonly leftBytes: number
}

/** A crowd that has not been served by then has collapsed: a million at 5 us each, timed and weighed, take 10 s. */
const BUDGET_MS = 90_000

/** Runs the tasks in turns. A task that fails once is not tried again; its result is the reason. */
export async function measureCrowds(
  tasks: readonly CrowdTask[],
  effort: Effort,
): Promise<ReadonlyArray<CrowdResult | string>> {
  const results = tasks.map((): CrowdResult[] => [])
  const failures = tasks.map((): string | null => null)
  for (let round = 0; round < effort.crowdRounds; round += 1) {
    for (const [i, task] of tasks.entries()) {
      if (failures[i] !== null) {
        continue
      }
      const result = await runInProcess(task)
      if (typeof result === "string") {
        failures[i] = result
      } else {
        results[i]?.push(result)
      }
    }
  }
  return tasks.map((_, i) => failures[i] ?? medianResult(results[i] ?? []))
}

async function runInProcess(task: CrowdTask): Promise<CrowdResult | string> {
  return await new Promise((resolve) => {
    const child = fork(new URL("crowd-process.ts", import.meta.url), { stdio: ["ignore", "ignore", "ignore", "ipc"] })
    const budget = setTimeout(() => {
      child.kill("SIGKILL")
      resolve(`not served within ${BUDGET_MS / 1_000} s`)
    }, BUDGET_MS)
    child.once("message", (result: CrowdResult) => {
      clearTimeout(budget)
      child.kill()
      resolve(result)
    })
    child.once("exit", (code, signal) => {
      clearTimeout(budget)
      resolve(`its process ended with ${signal ?? `code ${code}`}, as it does when memory runs out`)
    })
    child.send(task)
  })
}

function medianResult(results: readonly CrowdResult[]): CrowdResult {
  return {
    nsPerWaiter: medianOf(results.map((result) => result.nsPerWaiter)),
    waitingBytes: medianOf(results.map((result) => result.waitingBytes)),
    leftBytes: medianOf(results.map((result) => result.leftBytes)),
  }
}
