/**
 * The one suite for every store: each port command, outcome, event and refusal, with several sessions and connections
 * contending. A store passes it in a test file of under 30 lines:
 *
 *     testStoreConformance({ name, capabilities, bounds, open })
 *
 * Each test builds its own world, opens what it needs and proves the invariants its title cites. Outcomes are always
 * awaited and events waited for, never slept for, so that a store in another process is tested by the same lines.
 */
import { afterAll, describe, expect, it } from "vitest"
import { testCells } from "./cells.ts"
import { type Exercised, TestWorld } from "./client.ts"
import { testCommits } from "./commits.ts"
import { testControls } from "./controls.ts"
import { testDeadlocks } from "./deadlocks.ts"
import { describeGuarantees } from "./guarantees.ts"
import { testLocks } from "./locks.ts"
import { testObserving } from "./observing.ts"
import { testRuns } from "./runs.ts"
import { testSessions } from "./sessions.ts"
import type { Capability, StoreHarness } from "./store-harness.ts"
import { testTakeover } from "./takeover.ts"
import { testWatches } from "./watches.ts"
import { testWorkers } from "./workers.ts"
import { COMMANDS, EVENTS, OUTCOMES, REFUSALS } from "./port-words.ts"

/** Defines one test: its sentence, what of a store it needs beside locks, and its body in a world of its own. */
export type Conform = (title: string, needs: readonly Capability[], body: (world: TestWorld) => Promise<void>) => void

export function testStoreConformance(harness: StoreHarness): void {
  const exercised: Exercised = { commands: new Set(), outcomes: new Set(), events: new Set(), refusals: new Set() }
  let defined = 0
  let ran = 0
  const conform: Conform = (title, needs, body) => {
    defined += 1
    // oxlint-disable-next-line vitest/valid-title -- The sentences are in the files of the concerns.
    it(title, async (context) => {
      const lacking = needs.filter((need) => !harness.capabilities.has(need))
      if (lacking.length > 0) {
        ran += 1
        console.info(`${harness.name} skips "${title}": it offers no ${lacking.join(", ")}`)
        context.skip(`not offered: ${lacking.join(", ")}`)
      }
      const world = await harness.open()
      try {
        await body(new TestWorld(world, exercised))
        ran += 1
      } finally {
        await world.close()
      }
    })
  }
  describe(`the ${harness.name} store`, () => {
    describe("sessions", () => {
      testSessions(conform)
    })
    describe("locks", () => {
      testLocks(conform)
    })
    describe("deadlocks", () => {
      testDeadlocks(conform)
    })
    describe("runs", () => {
      testRuns(conform)
    })
    describe("takeover", () => {
      testTakeover(conform)
    })
    describe("controls", () => {
      testControls(conform)
    })
    describe("workers", () => {
      testWorkers(conform)
    })
    describe("cells", () => {
      testCells(conform)
    })
    describe("commits", () => {
      testCommits(conform)
    })
    describe("watches", () => {
      testWatches(conform)
    })
    describe("observing", () => {
      testObserving(conform)
    })

    it("was asked every command and gave every outcome, event and refusal there is", (context) => {
      if (ran < defined) context.skip("only part of the suite ran")
      const lacking = ["locks", "runs", "cells", "inspect"].some(
        (need) => !harness.capabilities.has(need as Capability),
      )
      if (lacking) context.skip("not every command is offered")
      expect(missing(COMMANDS, exercised.commands)).toEqual([])
      expect(missing(OUTCOMES, exercised.outcomes)).toEqual([])
      expect(missing(EVENTS, exercised.events)).toEqual([])
      expect(missing(REFUSALS, exercised.refusals)).toEqual([])
    })

    // oxlint-disable-next-line no-empty-pattern -- Vitest wants the context it hands over taken apart, even into nothing.
    afterAll(({}, suite) => {
      console.info(describeGuarantees(harness, suite))
    })
  })
}

function missing(words: Readonly<Record<string, true>>, seen: ReadonlySet<string>): string[] {
  return Object.keys(words).filter((word) => !seen.has(word))
}
