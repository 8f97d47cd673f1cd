/** What a sweep takes of memory: what all of it takes on images of next to nothing, and beyond that its bound. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { saveValue } from "../src/files/save.ts"
import { makeVoxels, plainGrid } from "../src/image/image.ts"
import type { Ended } from "./imgql-process.ts"
import { startProgram } from "./process-run.ts"
import { makeFolder, runHere } from "./program-run.ts"

const MEBIBYTE = 1024 ** 2
const CASES = 20
const THRESHOLDS = 100

/** 2,000 masks. */
const PROGRAM = `
  import "simpleitk"
  import "strings"
  let image(c) = ReadImage(format_string("case-{:d}.nii", c))
  print "masks" for c in range(${String(CASES)}) do
    for t in range(${String(THRESHOLDS)}) do BinaryThreshold(image(c), 7 * t, 2000, 1, 0)`

async function makeCases(size: readonly [number, number, number]): Promise<string> {
  const folder = await makeFolder()
  for (let each = 0; each < CASES; each += 1) {
    const voxels = makeVoxels("int16", size[0] * size[1] * size[2])
    for (let at = 0; at < voxels.length; at += 1) voxels[at] = Math.imul(at + 1_000_003 * each, 2_654_435_761) >>> 22
    const image = { ...plainGrid(size), type: "int16" as const, components: 1, voxels }
    await saveValue(image, { root: folder, name: `case-${String(each)}.nii` })
  }
  return folder
}

/** Whatever is started from here on says how much memory it had at most, and then it is read here. */
async function measured(
  folder: string,
  start: () => Promise<Ended>,
): Promise<Ended & { readonly peakMebibytes: number }> {
  const file = join(folder, "peak")
  vi.stubEnv("NODE_OPTIONS", `--import ${new URL("fixtures/report-peak.mjs", import.meta.url).href}`)
  vi.stubEnv("PEAK_FILE", file)
  const ended = await start().finally(() => vi.unstubAllEnvs())
  return { ...ended, peakMebibytes: Math.round(Number(readFileSync(file, "utf8")) / MEBIBYTE) }
}

async function runSweep(folder: string): Promise<Ended & { readonly peakMebibytes: number }> {
  return await measured(folder, () => startProgram(folder, PROGRAM, ["--max-memory", "256M"]).ended)
}

describe("a sweep over 20 images and 100 thresholds", () => {
  it("keeps within 256 MiB beside what the program and its store take, cold and warm", async () => {
    const tiny = await runSweep(await makeCases([6, 6, 6]))
    expect(tiny).toMatchObject({ code: 0, counts: [CASES * THRESHOLDS, 0, 0] })
    const folder = await makeCases([72, 72, 64])
    const cold = await runSweep(folder)
    expect(cold).toMatchObject({ code: 0, counts: [CASES * THRESHOLDS, 0, 0] })
    const warm = await runSweep(folder)
    expect(warm).toMatchObject({ code: 0, counts: [0, 0, CASES * THRESHOLDS], kernels: 0 })
    expect(warm.out[0]).toBe(cold.out[0])
    const masks = Math.round((CASES * THRESHOLDS * 72 * 72 * 64) / MEBIBYTE)
    console.log(
      `${String(masks)} MiB of masks under 256 MiB: at most ${String(cold.peakMebibytes)} MiB in all, warm ` +
        `${String(warm.peakMebibytes)}; on images of 6 x 6 x 6 voxels ${String(tiny.peakMebibytes)}`,
    )
    expect(cold.peakMebibytes).toBeLessThanOrEqual(tiny.peakMebibytes + 256)
    expect(warm.peakMebibytes).toBeLessThanOrEqual(tiny.peakMebibytes + 256)
  })
})

describe("images that are made of nothing", () => {
  it.each([
    ["blob", 'import "test" print "b" for t in range(6) do shrink(blob(t, 16, 1))'],
    ["blank", 'import "geom" print "b" for t in range(6) do max(blank(2048, 2048, t))'],
  ])("take room like any others: under a bound for one, each %s waits for the one before", async (name, program) => {
    const maxMemoryBytes = 40 * MEBIBYTE
    const { spans, failures } = await runHere(await makeFolder(), program, { threads: 4, maxMemoryBytes })
    const made = spans.filter((span) => span.name === name).toSorted((a, b) => a.startedMs - b.startedMs)
    expect({ failures, made: made.length }).toEqual({ failures: [], made: 6 })
    const overlapping = made.filter(({ startedMs }, at) => startedMs < (made[at - 1]?.endedMs ?? 0))
    expect(overlapping).toEqual([])
  })
})
