import { open } from "holdfast"

const hf = await open("memory:")

// A lock: one at a time, first come, first served, with a token that tells a stale holder from the current one.
await hf.lock("user:42").run(({ token }) => console.log(`mine, with token ${token}`)) // prints mine, with token 1

// A cell: a value that changes over time and never loses an update.
const visits = hf.cell("visits", { initial: 0 })
await Promise.all(Array.from({ length: 25 }, () => visits.update((count) => count + 1)))
console.log(await visits.get()) // prints 25

// An operation: done once, however many callers there are.
let computed = 0
const square = hf.operation("square", { version: 1, effects: "pure", run: (_, x: number) => (computed++, x * x) })
console.log(await Promise.all([square(12), square(12), square(12)])) // prints [ 144, 144, 144 ]
console.log(`computed ${computed} time`) // prints computed 1 time

await hf.close()
