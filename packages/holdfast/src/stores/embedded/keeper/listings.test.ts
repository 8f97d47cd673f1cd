import { expect, it } from "vitest"
import type { CellView, RowKey, StoredRow } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import type { KeptState } from "./kept-state.ts"
import { asDurable } from "./listings.ts"

function cell(name: string, version: number): CellView {
  return { name, version, value: Uint8Array.of(version) }
}

/** What readers are shown of the cells, where those named are not durable yet and the journal has this of them. */
function shown(cells: readonly CellView[], ahead: readonly string[], stored: readonly StoredRow[]) {
  const loads: (readonly RowKey[])[] = []
  const state = {
    durability: { isDurable: (key: RowKey) => !ahead.includes(key.slice("cell:".length)) },
    journal: {
      load: (keys: readonly RowKey[]) => {
        loads.push(keys)
        return keys.map((key) => stored.find((row) => row.key === key) ?? { key, row: null })
      },
    },
  } as unknown as KeptState // Nothing else is asked.
  return { outcome: asDurable(state, { kind: "cells", cells }), loads }
}

it("cells that are ahead of the disk are shown as they were, all of them read at once (C3, C5)", () => {
  const cells = [cell("a", 4), cell("b", 2), cell("new", 1), cell("c", 7)]
  const { version, value } = cell("c", 6)
  const before: StoredRow[] = [
    { key: "cell:a", row: { version: 3, value: cell("a", 3).value } },
    { key: "cell:c", row: { version, value } },
  ]
  const { outcome, loads } = shown(cells, ["a", "new", "c"], before)
  expect(outcome).toEqual({
    kind: "cells",
    cells: [cell("a", 3), cell("b", 2), { name: "new", version: 0, value: null }, cell("c", 6)],
  })
  expect(loads).toEqual([["cell:a", "cell:new", "cell:c"]])
})

it("cells that were deleted on disk are shown as deleted, in that version (C1, C5)", () => {
  const { outcome } = shown([cell("a", 4)], ["a"], [{ key: "cell:a", row: { version: 3, value: null } }])
  expect(outcome).toEqual({ kind: "cells", cells: [{ name: "a", version: 3, value: null }] })
})

it("what is durable is passed on without a look at the disk, and so is all that is no cell", () => {
  const { outcome, loads } = shown([cell("a", 4)], [], [])
  expect([outcome, loads]).toEqual([{ kind: "cells", cells: [cell("a", 4)] }, []])
  const done: StoreOutcome = { kind: "done" }
  expect(asDurable({} as KeptState, done)).toBe(done) // Nothing is asked of it.
})
