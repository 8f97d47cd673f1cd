import { assertLinearizable, counterModel, type CounterInput, explore, History } from "holdfast/race"

const { failure } = await explore(async ({ actor, step }) => {
  const history = new History<CounterInput, number | null>()
  let count = 0
  const add = async (name: string): Promise<void> => {
    await history.record(name, { kind: "add", name: "visits", amount: 1 }, async () => {
      const seen = await step("reads the count", () => count)
      count = await step("writes the count", () => seen + 1)
      return count
    })
  }
  await Promise.all([actor("a", () => add("a")), actor("b", () => add("b"))])
  assertLinearizable(history.operations, counterModel)
})
console.log(String(failure?.error).split("\n").slice(0, 3).join("\n"))
// prints Error: expected a linearizable history, but no order explains these 2 answers:
// prints   a [0, 3] {"kind":"add","name":"visits","amount":1} -> 1
// prints   b [1, 2] {"kind":"add","name":"visits","amount":1} -> 1
