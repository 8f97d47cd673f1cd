/** What runs in a thread of the pool: one part of a phase, or a whole kernel, at a time. */
import { parentPort } from "node:worker_threads"
import { findKernel } from "../kernels/catalog.ts"
import { runPhases } from "../kernels/kernel.ts"
import { collectGarbage } from "./garbage.ts"

/** What the pool asks of a thread. */
export interface Job {
  readonly kernel: string
  readonly memory: unknown
  readonly parts: number
  /** Null for all phases of all rounds. */
  readonly piece: Piece | null
}

export interface Piece {
  readonly phase: number
  readonly part: number
  readonly round: number
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

function runJob({ kernel: name, memory, parts, piece }: Job): Answer {
  try {
    const kernel = findKernel(name)
    if (piece === null) runPhases(kernel, memory, parts)
    else kernel.phases[piece.phase]?.run(memory, piece.part, parts, piece.round)
    return { kind: "done" }
  } catch (error) {
    const code: unknown = error instanceof Error && "code" in error ? error.code : null
    const message = error instanceof Error ? error.message : String(error)
    return { kind: "failed", error: { code, message, stack: error instanceof Error ? (error.stack ?? "") : "" } }
  }
}

const port = parentPort
// Posted by the pool, in the same version of this package.
port?.on("message", (job: Job | typeof COLLECT) => {
  if (job === COLLECT) collectGarbage()
  else port.postMessage(runJob(job))
})
