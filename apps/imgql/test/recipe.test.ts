/** The tumor of the examples: every stage has the voxels that ITK comes to on the same phantom, by `bench/itk/recipe.cxx`. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { layOutTumor, type Stage, stageOf, STAGES, tumorWithStages } from "../bench/tumor-stages.ts"
import { readImage } from "../src/files/read.ts"
import { makeFolder, runHere } from "./program-run.ts"

interface Recipe {
  readonly size: readonly [number, number, number]
  /** By the names of stages: what the program of ITK printed. */
  readonly stages: Readonly<Record<string, Stage>>
}

it("segments a tumor as ITK does, stage by stage to the last bit", async () => {
  // Written beside this test, in that shape.
  const recipe = JSON.parse(readFileSync(new URL("recipe.json", import.meta.url), "utf8")) as Recipe
  expect(Object.keys(recipe.stages)).toEqual(Object.keys(STAGES))
  const folder = await makeFolder()
  await layOutTumor(folder, recipe.size)
  const { failures } = await runHere(folder, tumorWithStages())
  expect(failures).toEqual([])
  for (const [name, expected] of Object.entries(recipe.stages)) {
    const stage = stageOf(await readImage(join(folder, `stages/${name}.nii`), { maxBytes: 2 ** 30 }))
    expect({ name, ...stage }).toEqual({ name, ...expected })
  }
})
