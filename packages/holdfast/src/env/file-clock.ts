/**
 * A clock that stands still until somebody moves it, for all processes and threads that read it from one file: eight
 * bytes, a number of milliseconds. With it the time of a store that several processes share can be tested to the
 * millisecond; timers stay the machine's.
 */
import { openSync, readSync } from "node:fs"
import type { Clock } from "./env.ts"

/** The file's time as a clock; both its readings are the same. The file stays open as long as the thread lives. */
export function readClock(path: string): Clock {
  const file = openSync(path, "r")
  const time = new Float64Array(1)
  const read = (): number => {
    readSync(file, time, 0, time.byteLength, 0)
    return time[0] as number // It has one element.
  }
  return { now: read, monotonic: read }
}
