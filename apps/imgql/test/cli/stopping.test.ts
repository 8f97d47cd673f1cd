/** What a run does that is told to end: a real process, stopped in the middle. */
import { describe, expect, it } from "vitest"
import { makeFolder, makeRamp } from "../program-run.ts"
import { imgql, start, write } from "./world.ts"

/** Enough kernels of some length that a stop comes in between. */
const MEDIANS = 12

async function makeWorld(): Promise<string> {
  const folder = await makeFolder(makeRamp([40, 40, 24]))
  write(
    folder,
    "program.imgql",
    `import "simpleitk"
let img = ReadImage("head.nii.gz")
print "first" 1
print "sums" for t in range(1, ${String(MEDIANS + 1)}) do max(Median(img +. t, 3))`,
  )
  return folder
}

describe("a run that is stopped", () => {
  it("by Ctrl-C ends with 130, keeps what is done, and the next one computes only the rest", async () => {
    const folder = await makeWorld()
    const { child, saw, ended } = start(folder, "run", "program.imgql", "--threads", "1", "--progress", "live")
    await saw(/1[4-9] ran/)
    child.kill("SIGINT")
    const { code, err } = await ended
    expect(code).toBe(130)
    const done = Number(/imgql: stopped: (\d+) of \d+ operations are done and kept/.exec(err)?.[1])
    expect(done).toBeGreaterThanOrEqual(14)
    expect(err).not.toContain("E_FAILED")
    const second = await imgql(folder, "run", "program.imgql", "--threads", "1")
    const [ran = 0, joined, stored = 0] = second.counts ?? []
    expect(joined).toBe(0)
    expect(ran).toBeGreaterThan(0)
    // What was done has inputs that nobody asks for any more.
    const all = 3 * MEDIANS
    expect(ran).toBeLessThanOrEqual(all - done)
    expect(stored).toBeGreaterThan(0)
    const third = await imgql(folder, "run", "program.imgql")
    expect(third.counts?.[0]).toBe(0)
    expect(third.lines.slice(0, 2)).toEqual(second.lines.slice(0, 2))
  })

  it("by SIGTERM ends with 143, and another one that waited for it goes on and fails nothing", async () => {
    const folder = await makeWorld()
    const first = start(folder, "run", "program.imgql", "--threads", "1", "--progress", "live")
    await first.saw(/1[3-9] ran/)
    const second = start(folder, "run", "program.imgql", "--threads", "1", "--progress", "live")
    await second.saw(/cached/)
    first.child.kill("SIGTERM")
    expect((await first.ended).code).toBe(143)
    const { code, err, lines } = await second.ended
    expect(code).toBe(0)
    expect(err).not.toContain("E_FAILED")
    expect(lines[1]).toMatch(/^sums=\[\d+(, \d+){11}\]$/)
  })

  it("twice ends at once", async () => {
    const folder = await makeWorld()
    const { child, saw, ended } = start(folder, "run", "program.imgql", "--threads", "1", "--progress", "live")
    await saw(/1[3-9] ran/)
    child.kill("SIGINT")
    child.kill("SIGINT")
    const { code, signal } = await ended
    // Where the system has made one of the two, it ends as after one.
    expect(code === 130 || signal === "SIGINT").toBe(true)
  })

  it("because nobody reads what it prints ends quietly", async () => {
    const folder = await makeWorld()
    const { child, saw, ended } = start(folder, "run", "program.imgql")
    await saw(/first=1/)
    child.stdout.destroy()
    const { code, err } = await ended
    expect({ code, err }).toEqual({ code: 141, err: "" })
  })
})
