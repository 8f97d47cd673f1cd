/**
 * How much memory a value takes that is written and read as a stream, in a client and in a keeper, each a process of its
 * own. HOLDFAST_HUGE_VALUE=1 asks it of 1 GiB as well.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { usePlaces } from "../cli/places.ts"
import { forgetPeak, MIB, peakOf, type StreamingReport } from "./streaming-main.ts"

/** Far less than the value, and several times the pieces in which it is read, written and hashed. */
const BOUND_BYTES = 64 * MIB

const SIZES_MIB: readonly number[] = process.env["HOLDFAST_HUGE_VALUE"] === undefined ? [128] : [128, 1_024]

const places = usePlaces()
const run = promisify(execFile)

it.runIf(process.platform === "linux").each(SIZES_MIB)(
  "a value of %i MiB goes through a client and past the keeper without being in the memory of either",
  async (mebibytes) => {
    const dir = places.make()
    const { pid } = await places.keep(dir)
    const program = fileURLToPath(new URL("./streaming-main.ts", import.meta.url))
    // Once before it counts: what the keeper loads and compiles is no part of what a large value takes.
    for (const size of [1, mebibytes]) {
      const before = forgetPeak(pid)
      const words = ["--expose-gc", "--import", import.meta.resolve("tsx"), program, `file:${dir}`, String(size)]
      const { stdout } = await run(process.execPath, words)
      const keeperBytes = peakOf(pid) - before
      if (size !== mebibytes) continue
      const report = JSON.parse(stdout) as StreamingReport
      const { writingBytes, readingBytes, isSame } = report
      const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`
      console.log(
        `a stream of ${String(mebibytes)} MiB took at its peak: client writing ${mib(writingBytes)}, client reading ${mib(readingBytes)}, keeper ${mib(keeperBytes)}`,
      )
      expect(isSame).toBe(true)
      expect(Math.max(writingBytes, readingBytes, keeperBytes)).toBeLessThan(BOUND_BYTES)
    }
  },
)
