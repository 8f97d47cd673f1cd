import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { type Binary, type Digest, encodeValue, type SessionId, storedBinary } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import { ClientBlobs } from "./client-blobs.ts"

const A = "a" as SessionId // Brand constructor.

setFlagsFromString("--expose-gc")
// `as`: the flag puts a function of this name into every new context.
const collectGarbage = runInNewContext("gc") as () => void

class World {
  readonly folder: BlobFolder
  readonly blobs: ClientBlobs
  /** What the keeper was told: "+" for what is held, "-" for what is let go. */
  readonly said: string[] = []
  isReachable = true

  constructor() {
    const path = mkdtempSync(join(tmpdir(), "holdfast-client-blobs-"))
    onTestFinished(() => {
      rmSync(path, { recursive: true, force: true })
    })
    this.folder = new BlobFolder(path, "me")
    this.blobs = new ClientBlobs(this.folder, (_session, { hold, drop }) => {
      if (!this.isReachable) return Promise.reject(new Error("no keeper"))
      this.said.push(...hold.map((digest) => `+${digest}`), ...drop.map((digest) => `-${digest}`))
      return Promise.resolve()
    })
  }

  /** Waits until so many were let go, whenever the collector finds them. */
  async letGo(count: number): Promise<void> {
    await vi.waitUntil(
      () => {
        collectGarbage()
        return this.said.filter((what) => what.startsWith("-")).length >= count
      },
      { timeout: 30_000, interval: 5 },
    )
  }

  async write(byte: number): Promise<Binary> {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(100).fill(byte)
    }
    return await this.blobs.write(A, source())
  }
}

/** A cell whose value has this Binary, as the keeper tells it. */
function cellOf({ digest, byteLength }: { readonly digest: Digest; readonly byteLength: number }): StoreOutcome {
  const nowhere = { read: () => new Error("nobody reads here") as never }
  const value = encodeValue([storedBinary(digest, byteLength, nowhere)], "a value")
  return { kind: "cells", cells: [{ name: "x", version: 1, value }] }
}

async function faultOf(stream: AsyncIterable<Uint8Array>): Promise<unknown> {
  try {
    for await (const piece of stream) void piece
    return null
  } catch (error) {
    return error
  }
}

describe("what a session has written", () => {
  it("is held until nobody has a handle of it any more, however many there were (S3)", async () => {
    const world = new World()
    // The last is another, so that its going shows that there was a collection.
    const handles: Binary[] = []
    for (const byte of [1, 1, 2]) handles.push(await world.write(byte))
    const [digest, , other] = handles.map((handle) => handle.digest)
    expect([world.said, world.blobs.heldBy(A)]).toEqual([
      [`+${digest}`, `+${digest}`, `+${other}`],
      [digest, other],
    ])
    handles.length = 1
    await world.letGo(1)
    expect([world.said.at(-1), world.blobs.heldBy(A)]).toEqual([`-${other}`, [digest]])
    handles.length = 0
    await world.letGo(2)
    expect([world.said.at(-1), world.blobs.heldBy(A)]).toEqual([`-${digest}`, []])
  })

  it("is let go where it could not be held, and with its session", async () => {
    const world = new World()
    const { digest } = await world.write(1)
    world.isReachable = false
    await expect(world.write(2)).rejects.toThrow("no keeper")
    expect(world.blobs.heldBy(A)).toEqual([digest])
    world.blobs.forget(A)
    expect(world.blobs.heldBy(A)).toEqual([])
  })
})

describe("a Binary whose file is missing", () => {
  it("is gone where it was there when it was told, and lost where it was not, or is held (S2)", async () => {
    const world = new World()
    const [blob, held] = [await world.folder.write(new Uint8Array(200)), await world.write(3)]
    for (const each of [blob, held]) {
      await world.blobs.fillOutcome(cellOf(each))
      world.folder.remove(each.digest)
    }
    expect(await faultOf(world.blobs.read(blob.digest, 200))).toMatchObject({
      code: "VALUE_GONE",
      details: { digest: blob.digest, byteLength: 200 },
      cause: { code: "STORE_DAMAGED" },
    })
    expect(await faultOf(held.stream())).toMatchObject({ code: "STORE_DAMAGED" })
    // Whoever reads what it came from again has it told as missing.
    await world.blobs.fillOutcome(cellOf(blob))
    expect(await faultOf(world.blobs.read(blob.digest, 200))).toMatchObject({ code: "STORE_DAMAGED" })
  })

  it("is lost where that was told too long ago to be known", async () => {
    const world = new World()
    const [blob, other] = [await world.folder.write(new Uint8Array(200)), await world.folder.write(new Uint8Array(300))]
    // All of them are as long as a file that is there.
    vi.spyOn(world.folder, "has").mockReturnValue(true)
    for (const each of [blob, other]) await world.blobs.fillOutcome(cellOf(each))
    for (let index = 0; index < 4_095; index += 1) {
      const digest = index.toString(16).padStart(64, "0") as Digest // 64 hexadecimal digits.
      await world.blobs.fillOutcome(cellOf({ digest, byteLength: 1 }))
    }
    for (const { digest } of [blob, other]) world.folder.remove(digest)
    expect(await faultOf(world.blobs.read(blob.digest, 200))).toMatchObject({ code: "STORE_DAMAGED" })
    expect(await faultOf(world.blobs.read(other.digest, 300))).toMatchObject({ code: "VALUE_GONE" })
  })
})
