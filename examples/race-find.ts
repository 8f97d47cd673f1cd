import { describeFailure, explore, reportFailure } from "holdfast/race"
import { payments } from "./race-scenario.ts"

const { schedules, failure } = await explore(payments)
if (failure === null) throw new Error("expected the two payments to get in each other's way")

console.log(`found in schedule ${schedules}`) // prints found in schedule 6
for (const { text } of reportFailure(failure).findings) console.log(text)
// prints Lost update of account alice: the value 50 that rent wrote (T3) was overwritten by cafe (T4), which had read it before (T1)

// For people: the whole timeline. For the debugger: the same schedule again.
const timeline = describeFailure(failure)
console.log(timeline.includes("^ LOST at T4")) // prints true
const again = await explore(payments, { seed: failure.seed, replay: failure.choices })
console.log(String(again.failure?.error)) // prints Error: expected 47 left of 100, found 97
