/** Heads that were shown and are void, as where the keeper that showed them died with them: their versions are used again. */
import { describe, expect, it } from "vitest"
import { createSimulatedEnv } from "../env/simulated-env.ts"
import type { Store } from "../store/index.ts"
import { MemoryStore } from "../stores/memory/index.ts"
import { Holdfast } from "./index.ts"

/** A store whose term rises when told to. */
async function openOverTerms(): Promise<{ readonly hf: Holdfast; readonly nextTerm: () => void }> {
  const env = createSimulatedEnv({ seed: 1 })
  const inner = new MemoryStore({ env, check: true }).connect()
  let term = 0
  const store: Store = {
    id: inner.id,
    get term() {
      return term
    },
    execute: (command) => inner.execute(command),
    onEvent: (handler) => inner.onEvent(handler),
    onTransition: (handler) => inner.onTransition(handler),
    close: () => inner.close(),
  }
  const hf = await Holdfast.connect({ store, env, label: "test" })
  return {
    hf,
    nextTerm: () => {
      term += 1
    },
  }
}

describe("a commit on what an earlier term showed", () => {
  it("is made anew by a transaction, though the version is the same (C3)", async () => {
    const { hf, nextTerm } = await openOverTerms()
    const cell = hf.cell("x", { initial: 1 })
    let attempts = 0
    await hf.transact(async (tx) => {
      attempts += 1
      const value = await tx.get(cell)
      if (attempts === 1) nextTerm()
      tx.set(cell, value + 1)
    })
    expect(attempts).toBe(2)
    expect(await cell.read()).toEqual({ value: 2, version: 1 })
    await hf.close()
  })

  it("is made anew by an update (C2)", async () => {
    const { hf, nextTerm } = await openOverTerms()
    const cell = hf.cell("x", { initial: 1 })
    let attempts = 0
    const written = await cell.update((value) => {
      attempts += 1
      if (attempts === 1) nextTerm()
      return value + 1
    })
    expect({ attempts, written }).toEqual({ attempts: 2, written: 2 })
    expect(await cell.read()).toEqual({ value: 2, version: 1 })
    await hf.close()
  })
})
