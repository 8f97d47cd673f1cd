/**
 * Garbage collection by the bytes of shared memory. V8 counts those of no thread's heap, so that images nobody has any more
 * would stay until something else makes it collect: gigabytes of them, beside a heap of some megabytes.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

let gc: (() => void) | null = null

/** Collects what this thread holds of memory that nobody uses any more. */
export function collectGarbage(): void {
  if (gc === null) {
    setFlagsFromString("--expose-gc")
    // A context made after the flag was set has the function of that name.
    gc = runInNewContext("gc") as () => void
  }
  gc()
}
