/** Garbage collection on demand, without asking the caller for `--expose-gc`. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
// `as`: the flag puts a function of this name into every new context.
const gc = runInNewContext("gc") as () => void

export function collectGarbage(): void {
  gc()
}

/** The heap in use when everything unreachable is gone. */
export function liveHeapBytes(): number {
  gc()
  return process.memoryUsage().heapUsed
}
