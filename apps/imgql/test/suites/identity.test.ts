/** Different ways to write one computation are one operation. Counted where kernels run. */
import { describe, expect, it } from "vitest"
import { formatSignature } from "../../src/language/signature.ts"
import { PRIMITIVES } from "../../src/primitives/catalog.ts"
import { chooseOverload } from "../../src/primitives/overload.ts"
import { makeFolder, makeRamp, runHere } from "../program-run.ts"

const HEAD = 'import "simpleitk" let img = ReadImage("head.nii.gz")'

describe("one computation", () => {
  it.each([
    ["its default is given or left out", ["BinaryThreshold(img, 3, 9)", "BinaryThreshold(img, 3, 9, 1, 0)"]],
    ["only some defaults are given", ["BinaryThreshold(img, 3, 9, 1)", "BinaryThreshold(img, 3, 9)"]],
    ["truth stands for a number", ["BinaryThreshold(img, 3, 9, true, false)", "BinaryThreshold(img, 3, 9)"]],
    ["a number stands for truth", ["ConnectedComponent(img, 0)", "ConnectedComponent(img, false)"]],
    ["a radius is left out", ["Median(img)", "Median(img, 1)"]],
    ["a string is left out", ["Resample(img, img)", 'Resample(img, img, "linear")', 'Resample(img, img, "linear", 0)']],
    ["its argument is computed", ["Median(img, 2 - 1)", "Median(img, [1, 1][0])"]],
    ["it goes by another name", ["lcc(img)", "Lcc(img)"]],
    ["it is counted by another name", ["volume(img)", "vol(img)"]],
    ["the only image is not named", ["border", "border(img)"]],
  ])("is one operation where %s", async (_, expressions) => {
    const folder = await makeFolder(makeRamp([6, 5, 4]))
    const goals = expressions.map((expression, at) => `print "${at}" ${expression}`)
    const { ran, lines, failures } = await runHere(folder, [HEAD, ...goals].join("\n"))
    expect({ ran, failures }).toEqual({ ran: 1, failures: [] })
    const shown = lines.map((line) => line.replace(/^\d+=/, ""))
    expect(new Set(shown).size).toBe(1)
    expect(shown).toHaveLength(expressions.length)
  })

  it("keeps what differs apart", async () => {
    const folder = await makeFolder(makeRamp([6, 5, 4]))
    const goals = ["BinaryThreshold(img, 3, 9, 2)", "BinaryThreshold(img, 3, 9, 1, 2)", "BinaryThreshold(img, 3, 9)"]
    const { ran } = await runHere(folder, `${HEAD} print "x" [${goals.join(", ")}]`)
    expect(ran).toBe(3)
  })

  it("has a default for whatever may be left out where that is a result of the store", () => {
    const open = PRIMITIVES.filter(({ work }) => work.kind === "heavy").flatMap(({ signature }) =>
      signature.parameters.some((each) => each.optional && each.default === null) ? [formatSignature(signature)] : [],
    )
    expect(open).toEqual([])
  })

  it("is of the same primitive whether defaults are given or left out", () => {
    const checked = PRIMITIVES.flatMap((primitive) => {
      const { namespace, name, parameters } = primitive.signature
      const primitives = PRIMITIVES.filter(
        ({ signature }) => signature.namespace === namespace && signature.name === name,
      )
      const types = parameters.map((parameter) => parameter.types[0] ?? "any")
      return parameters.flatMap((parameter, count) => {
        if (parameter.default === null) return []
        const [short, complete] = [types.slice(0, count), types].map((given) =>
          chooseOverload({ name, primitives }, given),
        )
        expect(short).toBe(complete)
        return [name]
      })
    })
    expect(checked.length).toBeGreaterThan(20)
  })
})
