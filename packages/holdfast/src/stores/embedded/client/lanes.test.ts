import { expect, it } from "vitest"
import { Lanes } from "./lanes.ts"

/** Something that is told when the test says so. */
function later(): { readonly done: Promise<void>; readonly finish: () => void } {
  let finish = (): void => {
    throw new Error("it has not begun")
  }
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  return { done, finish }
}

it("tells at once what has nothing before it", () => {
  const lanes = new Lanes()
  const told: string[] = []
  for (const lane of ["a", "a", null]) {
    lanes.tell(lane, () => {
      told.push(String(lane))
      return undefined
    })
  }
  expect(told).toEqual(["a", "a", "null"])
})

it("tells what comes later in a lane only after what came before it, and other lanes meanwhile (C4)", async () => {
  const lanes = new Lanes()
  const told: string[] = []
  const [first, second] = [later(), later()]
  const telling = (word: string, wait?: Promise<void>) => () => {
    if (wait === undefined) {
      told.push(word)
      return undefined
    }
    return wait.then(() => {
      told.push(word)
    })
  }
  lanes.tell("a", telling("first", first.done))
  lanes.tell("a", telling("second", second.done))
  lanes.tell("a", telling("third"))
  lanes.tell("b", telling("beside"))
  lanes.tell(null, telling("in no lane", second.done))
  second.finish()
  await second.done
  expect(told).toEqual(["beside", "in no lane"])
  first.finish()
  await new Promise(setImmediate)
  expect(told).toEqual(["beside", "in no lane", "first", "second", "third"])
})

it("begins anew, without a turn in between, once all of a lane is told", async () => {
  const lanes = new Lanes()
  const reading = later()
  lanes.tell("a", () => reading.done)
  reading.finish()
  await new Promise(setImmediate)
  let isTold = false
  lanes.tell("a", () => {
    isTold = true
    return undefined
  })
  expect(isTold).toBe(true)
})
