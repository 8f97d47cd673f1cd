/** What runs in a thread of the pool: parts of a phase, until all are taken, or a whole kernel. */
import { parentPort } from "node:worker_threads"
import { type AnyKernel, findKernel } from "../kernels/catalog.ts"
import { runPhases } from "../kernels/kernel.ts"
import { collectGarbage } from "./garbage.ts"

/** What the pool asks of a thread. */
export interface Job {
  readonly kernel: string
  readonly memory: unknown
  readonly parts: number
  /** Null for all phases of all rounds. */
  readonly share: PhaseShare | null
}

/** What a thread does of a phase: parts one after the other, as long as there are any that no other thread has taken. */
export interface PhaseShare {
  readonly phase: number
  readonly round: number
  /** How many parts there are, and, shared by the threads, how many are taken. */
  readonly count: number
  readonly taken: Int32Array
}

/** Asks a thread to let go of the memory of jobs that are over; it says nothing to that. */
export const COLLECT = "collect"

/** What it hears back. An error's class does not pass from thread to thread, so what is in it passes. */
export type Answer = { readonly kind: "done" } | { readonly kind: "failed"; readonly error: Failure }

export interface Failure {
  readonly code: unknown
  readonly message: string
  readonly stack: string
}

function runJob({ kernel: name, memory, parts, share }: Job): Answer {
  try {
    const kernel = findKernel(name)
    if (share === null) runPhases(kernel, memory, parts)
    else runShare(kernel, memory, parts, share)
    return { kind: "done" }
  } catch (error) {
    const code: unknown = error instanceof Error && "code" in error ? error.code : null
    const message = error instanceof Error ? error.message : String(error)
    return { kind: "failed", error: { code, message, stack: error instanceof Error ? (error.stack ?? "") : "" } }
  }
}

function runShare(kernel: AnyKernel, memory: unknown, parts: number, { phase, round, count, taken }: PhaseShare): void {
  for (let part = Atomics.add(taken, 0, 1); part < count; part = Atomics.add(taken, 0, 1)) {
    kernel.phases[phase]?.run(memory, part, parts, round)
  }
}

const port = parentPort
// Posted by the pool, in the same version of this package.
port?.on("message", (job: Job | typeof COLLECT) => {
  if (job === COLLECT) collectGarbage()
  else port.postMessage(runJob(job))
})
