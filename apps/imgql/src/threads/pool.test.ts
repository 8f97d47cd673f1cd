import { afterEach, describe, expect, it } from "vitest"
import type { Image } from "../image/image.ts"
import { makeVoxels, plainGrid } from "../image/image.ts"
import { KERNELS } from "../kernels/catalog.ts"
import { lcc } from "../kernels/components.ts"
import { dt } from "../kernels/distance.ts"
import type { Kernel } from "../kernels/kernel.ts"
import { runHere } from "../kernels/kernel.ts"
import { near } from "../kernels/morphology.ts"
import { otsu } from "../kernels/otsu.ts"
import { volume } from "../kernels/statistics.ts"
import type { PoolOptions } from "./pool.ts"
import { KernelPool } from "./pool.ts"

const MORTAL = new URL("../../test/fixtures/mortal-thread.mjs", import.meta.url)

const opened: KernelPool[] = []

function openPool(size: number, options?: PoolOptions): KernelPool {
  const pool = new KernelPool(size, options)
  opened.push(pool)
  return pool
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (pool) => await pool.close()))
})

/** A mask in which about a third is set, without any randomness. */
function makeMask(size: readonly number[]): Image {
  const grid = plainGrid(size)
  const voxels = makeVoxels(
    "uint8",
    size.reduce((product, count) => product * count, 1),
  )
  for (const at of voxels.keys()) voxels[at] = Math.imul(at, 2654435761) >>> 30 === 0 ? 1 : 0
  return { ...grid, type: "uint8", components: 1, voxels }
}

interface Fate {
  readonly ending: "exit" | "throw" | "none"
}

/** Its memory tells a mortal thread how to end. */
const fate: Kernel<Fate, Fate, string> = {
  name: "fate",
  prepare: (_, parameters) => parameters,
  phases: [{ run: () => undefined }],
  finish: () => "done",
}

describe("a pool", () => {
  it("computes what one thread computes", async () => {
    const pool = openPool(2)
    const mask = makeMask([61, 47, 53])
    const [wide, labels, ways, count] = await Promise.all([
      pool.run(near, [mask], {}, { parts: 5 }),
      pool.run(lcc, [mask], {}, { parts: 3 }),
      pool.run(dt, [mask], {}),
      pool.run(volume, [mask], {}, { parts: 1 }),
    ])
    expect(wide.voxels).toEqual(runHere(near, [mask], {}).voxels)
    expect(labels.voxels).toEqual(runHere(lcc, [mask], {}).voxels)
    expect(ways.voxels).toEqual(runHere(dt, [mask], {}).voxels)
    expect(count).toBe(runHere(volume, [mask], {}))
  })

  it("tells of a kernel's errors by their codes", async () => {
    const pool = openPool(2)
    const mask = makeMask([8, 8])
    const empty = { ...mask, voxels: makeVoxels("uint8", 64) }
    const refusal = { name: "KernelError", code: "KERNEL_INPUT_INVALID" }
    await expect(pool.run(near, [], {})).rejects.toMatchObject(refusal)
    await expect(pool.run(otsu, [mask, empty], { bins: 8 })).rejects.toMatchObject(refusal)
    await expect(pool.run(otsu, [mask, empty], { bins: 8 }, { parts: 2 })).rejects.toMatchObject(refusal)
    await expect(pool.run(fate, [], { ending: "none" })).rejects.toMatchObject({ code: "KERNEL_UNKNOWN" })
    expect(await pool.run(volume, [empty], {})).toBe(0)
  })

  it("cancels between phases, and goes on with other work", async () => {
    const pool = openPool(2)
    const mask = makeMask([40, 40])
    const reason = new Error("nobody waits")
    await expect(pool.run(near, [mask], {}, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: "KERNEL_CANCELED",
      cause: reason,
    })
    const controller = new AbortController()
    const running = pool.run(dt, [mask], {}, { signal: controller.signal, parts: 4 })
    controller.abort(reason)
    await expect(running).rejects.toMatchObject({ code: "KERNEL_CANCELED", cause: reason })
    expect((await pool.run(near, [mask], {})).voxels).toEqual(runHere(near, [mask], {}).voxels)
  })

  it("tells of a thread's death and starts another", async () => {
    const pool = openPool(1, { program: MORTAL })
    const exited = { code: "THREAD_DIED", message: expect.stringContaining("exit code 7") as string }
    await expect(pool.run(fate, [], { ending: "exit" })).rejects.toMatchObject(exited)
    const broken = { code: "THREAD_DIED", cause: expect.objectContaining({ message: "broken from within" }) as Error }
    await expect(pool.run(fate, [], { ending: "throw" })).rejects.toMatchObject(broken)
    expect(await pool.run(fate, [], { ending: "none" })).toBe("done")
  })

  it("loses only the job whose thread died", async () => {
    const pool = openPool(2, { program: MORTAL })
    const outcomes = await Promise.allSettled(
      (["none", "exit", "none", "exit", "none", "none"] as const).map(
        async (ending) => await pool.run(fate, [], { ending }),
      ),
    )
    const kinds = outcomes.map(({ status }) => status)
    expect(kinds).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled", "fulfilled"])
  })

  it("fails what runs when it is closed, and runs nothing more", async () => {
    const pool = openPool(1)
    const mask = makeMask([200, 200])
    const running = [pool.run(dt, [mask], {}), pool.run(near, [mask], {})].map(async (result) => {
      try {
        await result
        return "done"
      } catch (error) {
        return error
      }
    })
    await pool.close()
    for (const outcome of await Promise.all(running)) expect(outcome).toMatchObject({ code: "POOL_CLOSED" })
    await expect(pool.run(near, [mask], {})).rejects.toMatchObject({ code: "POOL_CLOSED" })
    await pool.close()
  })

  it("has at least one thread", () => {
    expect(() => new KernelPool(0)).toThrow(RangeError)
  })
})

describe("the catalog", () => {
  it("has one kernel a name", () => {
    const names = KERNELS.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
