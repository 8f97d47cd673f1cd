import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { QueuedTimer, TimerQueue } from "./timer-queue.ts"

describe("the timer queue", () => {
  it("agrees with a sorted list under any additions and removals", () => {
    const command = fc.oneof(
      // Most often, so that the heap grows deep enough for a removal to need either repair.
      {
        arbitrary: fc.record({ kind: fc.constant("add" as const), dueAtMs: fc.integer({ min: 0, max: 30 }) }),
        weight: 4,
      },
      { arbitrary: fc.record({ kind: fc.constant("remove" as const), pick: fc.nat() }), weight: 2 },
      { arbitrary: fc.record({ kind: fc.constant("takeFirst" as const) }), weight: 1 },
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120, size: "max" }), (commands) => {
        const queue = new TimerQueue()
        const known: QueuedTimer[] = []
        let model: QueuedTimer[] = []
        for (const step of commands) {
          if (step.kind === "add") {
            const timer = new QueuedTimer(step.dueAtMs, known.length, true, () => {})
            known.push(timer)
            queue.add(timer)
            model = [...model, timer].toSorted((a, b) => a.dueAtMs - b.dueAtMs || a.arrival - b.arrival)
          } else {
            const timer = step.kind === "takeFirst" ? queue.first : known[step.pick % known.length]
            if (timer === undefined) continue
            // Removing what is not in, or no longer, must change nothing.
            expect(queue.remove(timer)).toBe(model.includes(timer))
            model = model.filter((other) => other !== timer)
          }
          expect(queue.first).toBe(model[0])
          expect(queue.size).toBe(model.length)
          expect(queue.list()).toEqual(model)
        }
        for (const timer of model) {
          expect(queue.first).toBe(timer)
          queue.remove(timer)
        }
        expect(queue.size).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})
