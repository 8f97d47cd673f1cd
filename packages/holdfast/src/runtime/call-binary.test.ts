/** Binaries as arguments, results and cells: named by their digest, and intact or named as damaged. */
import { describe, expect, it } from "vitest"
import { faultOf, RuntimeWorld } from "../../test/runtime-world.ts"
import type { Holdfast } from "./index.ts"

describe("a binary (O7)", () => {
  it("enters an identity by its digest, is copied in, and is intact in the body", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred()]) {
      const bytes = new Uint8Array(100_000).fill(7)
      const binary = hf.binary(bytes)
      bytes.fill(0)
      const op = hf.operation("length", {
        version: 1,
        effects: "pure",
        run: (_, image: typeof binary, low: number) => image.bytes().filter((byte) => byte > low).length,
      })
      expect(await op(binary, 5)).toBe(100_000)
      expect(op.handle(hf.binary(new Uint8Array(100_000).fill(7)), 5).identity).toBe(op.handle(binary, 5).identity)
      expect(op.handle(hf.binary(bytes), 5).identity).not.toBe(op.handle(binary, 5).identity)
    }
  })

  it("is refused with ARGUMENT_INVALID where it is made of anything but bytes", async () => {
    const hf = await new RuntimeWorld().open()
    for (const bytes of ["text", null, 5, new ArrayBuffer(1), new Uint16Array(1)]) {
      expect(() => hf.binary(bytes as never)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }))
    }
  })

  it("that was damaged where it was kept is named, and never handed to a body or a caller (S2)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const seen: unknown[] = []
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      run: (_, image: ReturnType<Holdfast["binary"]>) => {
        seen.push(image)
        return image
      },
    })
    const call = op.handle(hf.binary(Uint8Array.of(1, 2, 3)))
    // What a disk would do to it.
    const damage = (value: Uint8Array | number): void => {
      if (typeof value !== "number") value[value.length - 1] = 9
    }
    damage(call.spec.args)
    const fault = await faultOf(call.result(), "RUN_FAILED")
    expect(fault.cause).toMatchObject({
      code: "VALUE_INVALID",
      message: expect.stringMatching(/Binary of 3 bytes is damaged/),
    })
    expect(seen).toEqual([])
    const cell = hf.cell<ReturnType<Holdfast["binary"]>>("a")
    await cell.set(hf.binary(Uint8Array.of(1)))
    const connection = world.store.connect()
    const stored = connection.execute({ kind: "openSession", session: "s" as never, label: "s" })
    expect(stored).toEqual({ kind: "done" })
    const read = await connection.execute({ kind: "readCells", session: "s" as never, names: ["a"], head: false })
    if (read.kind === "cells") damage(read.cells[0]?.value ?? 0)
    await faultOf(cell.get(), "VALUE_INVALID")
  })
})
