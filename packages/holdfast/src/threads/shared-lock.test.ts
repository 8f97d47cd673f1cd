/** The shared lock on one event loop: its promises to a caller, its refusals, and its turns within one thread. */
import { describe, expect, it } from "vitest"
import { SharedLock, type SharedLockHandle } from "./shared-lock.ts"

describe("a shared lock on the event loop", () => {
  it("is held by one at a time and passed on in the order asked (L1, L3)", async () => {
    const lock = SharedLock.create()
    const log: string[] = []
    await Promise.all(
      ["a", "b", "c"].map(async (name) => {
        await lock.run(async ({ token }) => {
          log.push(`${name}${String(token)}`)
          await Promise.resolve()
          log.push(name)
        })
      }),
    )
    expect(log).toEqual(["a1", "a", "b2", "b", "c3", "c"])
  })

  it("is the same lock when made twice from its handle, cloned or not", async () => {
    const lock = SharedLock.create({ maxThreads: 1 })
    const again = SharedLock.from(structuredClone(lock.handle))
    using grant = await lock.acquire()
    expect(again.tryAcquire()).toBeUndefined()
    expect(again.view()).toEqual({
      holderThread: 0,
      isHolderGuarded: true,
      isAbandoned: false,
      waitingThreads: [],
      waiterCount: 0,
    })
    grant.release()
    expect(again.tryAcquire()?.token).toBe(2)
  })

  it("is given back once, by its grant alone (L5)", async () => {
    const lock = SharedLock.create()
    const first = await lock.acquire()
    first.assertHeld()
    first.release()
    const second = await lock.acquire()
    first.release()
    expect([first.isHeld, second.isHeld, lock.tryAcquire()]).toEqual([false, true, undefined])
    expect(() => first.assertHeld()).toThrow(expect.objectContaining({ code: "GRANT_LOST", details: { token: 1 } }))
    second.release()
  })

  it("is given back when the callback throws, and by `using`", async () => {
    const lock = SharedLock.create()
    const planned = new Error("planned")
    await expect(
      lock.run(() => {
        throw planned
      }),
    ).rejects.toBe(planned)
    {
      using grant = await lock.acquire({ waitMs: 0 })
      expect(grant.wasAbandoned).toBe(false)
    }
    expect(await lock.run(({ token }) => token)).toBe(3)
  })

  it("leaves no trace of waits that were aborted or ran out (L4)", async () => {
    const lock = SharedLock.create()
    const held = await lock.acquire()
    const controller = new AbortController()
    const reason = new Error("changed my mind")
    const aborted = lock.acquire({ signal: controller.signal, waitMs: 60_000 })
    const late = lock.acquire({ waitMs: 1 })
    const patient = lock.acquire({ waitMs: Number.POSITIVE_INFINITY })
    expect(lock.view().waiterCount).toBe(3)
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    await expect(late).rejects.toMatchObject({ code: "LOCK_TIMEOUT", details: { holderThread: 0, waiterCount: 1 } })
    await expect(lock.acquire({ waitMs: 0 })).rejects.toMatchObject({ code: "LOCK_TIMEOUT" })
    await expect(lock.acquire({ signal: controller.signal })).rejects.toBe(reason)
    held.release()
    const next = await patient
    // An abort that comes after the grant changes nothing.
    expect([next.token, lock.view().waiterCount]).toEqual([2, 0])
    next.release()
    expect(lock.view()).toMatchObject({ holderThread: null, waitingThreads: [] })
  })

  it("refuses to wait inside of a run of itself, with DEADLOCK, until that grant is released", async () => {
    const lock = SharedLock.create()
    const other = SharedLock.create()
    await lock.run(async (grant) => {
      await other.run(async () => {
        await expect(lock.acquire()).rejects.toMatchObject({ code: "DEADLOCK", details: { token: 1 } })
        await expect(lock.run(() => {})).rejects.toMatchObject({ code: "DEADLOCK" })
      })
      grant.release()
      expect(await lock.run(({ token }) => token)).toBe(2)
    })
  })

  it("refuses to block the main thread", () => {
    const lock = SharedLock.create()
    const refused = expect.objectContaining({ code: "ARGUMENT_INVALID" })
    expect(() => lock.acquireSync()).toThrow(refused)
    expect(() => lock.runSync(() => {})).toThrow(refused)
    expect(lock.view().holderThread).toBeNull()
  })

  it("refuses arguments outside their range, and says what was found", async () => {
    const lock = SharedLock.create()
    const invalid = { code: "ARGUMENT_INVALID" }
    for (const maxThreads of [0, 1.5, 65_537]) {
      expect(() => SharedLock.create({ maxThreads })).toThrow(expect.objectContaining(invalid))
    }
    await expect(lock.acquire({ waitMs: -1 })).rejects.toMatchObject(invalid)
    await expect(lock.acquire({ waitMs: Number.NaN })).rejects.toMatchObject(invalid)
    // What the compiler forbids arrives from JavaScript all the same.
    await expect(lock.acquire({ signal: {} as AbortSignal })).rejects.toMatchObject(invalid)
    await expect(lock.run("no function" as unknown as () => void)).rejects.toMatchObject(invalid)
    const { handle } = lock
    const strangers: unknown[] = [
      undefined,
      null,
      {},
      { ...handle, kind: "other" },
      { ...handle, buffer: new ArrayBuffer(1_000) },
      { ...handle, buffer: new SharedArrayBuffer(8) },
      { ...handle, id: "other", buffer: new SharedArrayBuffer(1_000) },
    ]
    for (const stranger of strangers) {
      expect(() => SharedLock.from(stranger as SharedLockHandle)).toThrow(expect.objectContaining(invalid))
    }
  })
})
