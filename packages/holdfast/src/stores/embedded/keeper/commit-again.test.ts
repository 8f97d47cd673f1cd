/** Commits that were under way when their keeper died: what the next one can decide of them, and what not. */
import { describe, expect, it } from "vitest"
import { acquire, put, read, READER, WRITER } from "../../../../test/simulation/kept-words.ts"
import { KeptClient, KeptWorld } from "../../../../test/simulation/kept-world.ts"
import type { Command, Token } from "../../../kernel/index.ts"

describe("a commit that comes again", () => {
  it("rests on no head that died with its keeper, whatever has its version now (C3, S4)", async () => {
    const world = new KeptWorld()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    // While that is flushed, what follows gathers, and is lost for certain.
    writer.ask(put(WRITER, "z", 1))
    writer.ask(put(WRITER, "x", 1))
    // Version 1 is shown and lost, and then is another value.
    expect(reader.answer(reader.ask(read(READER, true)))).toMatchObject({ cells: [{ version: 1, value: 1 }, {}] })
    world.flushes.length = 0
    world.restart()
    const back = new KeptClient(world.keeper, WRITER)
    back.ask(put(WRITER, "x", 7), { isAgain: 90 })
    const again = new KeptClient(world.keeper, READER)
    const onIt = { ...put(READER, "x", 2), reads: [{ name: "x", version: 1 }] } as Command
    again.ask(onIt, { isAgain: 91 })
    await world.flush()
    expect(back.answer(90)).toMatchObject({ kind: "committed" })
    expect(again.answer(91)).toMatchObject({ kind: "conflict", name: "x" })
  })

  it("is refused by its fence first, and tells of what is there: only what may be another's value is in doubt (L8, C3)", async () => {
    const world = new KeptWorld()
    const writer = await world.open(WRITER)
    const lock = writer.answer(writer.ask(acquire(WRITER, 1))) as { readonly token: Token } // As the keeper answers.
    writer.ask({ kind: "releaseLock", session: WRITER, token: lock.token })
    for (const value of [1, 2]) writer.ask(put(WRITER, "x", value))
    await world.flush()
    world.restart()
    const again = new KeptClient(world.keeper, WRITER)
    const on = (version: number, holding: readonly Token[] = []): Command => {
      const reads = [{ name: "y", version: 0 }, ...(version === 0 ? [] : [{ name: "x", version }])]
      return { ...put(WRITER, "y", 1), reads, holding } as Command
    }
    again.ask(on(2, [lock.token]), { isAgain: 90 })
    again.ask(on(1), { isAgain: 91 })
    again.ask(on(2), { isAgain: 92 })
    again.ask(on(0), { isAgain: 93 })
    await world.flush()
    expect(again.answer(90)).toMatchObject({ kind: "refused", code: "FENCED" })
    expect(again.answer(91)).toEqual({ kind: "conflict", name: "x", expected: 1, found: 2 })
    expect(again.answer(92)).toEqual({ kind: "conflict", name: "x", expected: 2, found: 2 })
    expect(again.answer(93)).toMatchObject({ kind: "committed" })
  })
})
