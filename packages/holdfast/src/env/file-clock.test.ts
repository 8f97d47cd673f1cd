import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { FileClock } from "../../test/conformance/file-clock.ts"
import { readClock } from "./file-clock.ts"

it("stands still until it is moved, for whoever reads it", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-clock-"))
  const moved = new FileClock(join(folder, "clock"), 1_000)
  onTestFinished(() => {
    moved.close()
    rmSync(folder, { recursive: true })
  })
  const [one, two] = [readClock(moved.path), readClock(moved.path)]
  expect([one.now(), one.monotonic(), two.now()]).toEqual([1_000, 1_000, 1_000])
  moved.advance(2 ** 40 + 0.5)
  expect([one.now(), two.monotonic()]).toEqual([2 ** 40 + 1_000.5, 2 ** 40 + 1_000.5])
})
