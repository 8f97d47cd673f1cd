/** Locks: exclusion, one arrival order, permits, several names together, withdrawal, leases, limits. */
import { expect } from "vitest"
import type { Token } from "../../src/kernel/index.ts"
import { type Client, expectKind, expectRefused } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

const SHARED = { mode: "shared" } as const

export function testLocks(it: Conform): void {
  it(
    "grants an exclusive lock to one at a time, in order of arrival, with rising tokens (L1, L2, L3)",
    [],
    async (world) => {
      const clients = await world.openMany(4)
      const [first, ...others] = clients as [Client, ...Client[]]
      let token = await first.lock("a")
      let holder = first
      const requests = []
      for (const client of others) requests.push(await client.queue("a"))
      for (const [at, client] of others.entries()) {
        await client.expectUnanswered(requests[at] as never)
        await holder.release(token)
        const next = await client.granted(requests[at] as never)
        expect(next).toBeGreaterThan(token)
        holder = client
        token = next
      }
    },
  )

  it("keeps sixteen contending sessions out of each other's way, and starves none (L1, L2, L3)", [], async (world) => {
    const clients = await world.openMany(16)
    const tokens: Token[] = []
    let inside = 0
    await Promise.all(
      clients.map(async (client) => {
        for (let round = 0; round < 5; round++) {
          const token = await client.lockEventually("a")
          inside += 1
          expect(inside).toBe(1)
          tokens.push(token)
          // Others get every chance to come in here.
          await client.catchUp()
          inside -= 1
          await client.release(token)
        }
      }),
    )
    expect(tokens).toHaveLength(80)
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b))
  })

  it("lets shared holders in together, and an exclusive one when the last has left (L1)", [], async (world) => {
    const [one, two, writer] = [await world.open(), await world.open(), await world.open()]
    const reading = [await one.lock("a", SHARED), await two.lock("a", SHARED)] as const
    const writing = await writer.queue("a")
    await one.release(reading[0])
    await writer.expectUnanswered(writing)
    await two.release(reading[1])
    await writer.granted(writing)
  })

  it("lets no shared request pass an exclusive one that waits (L3)", [], async (world) => {
    const [reader, writer, late] = [await world.open(), await world.open(), await world.open()]
    const reading = await reader.lock("a", SHARED)
    const writing = await writer.queue("a")
    const [second, third] = [await late.queue("a", SHARED), await reader.queue("a", SHARED)]
    await reader.release(reading)
    const token = await writer.granted(writing)
    await late.expectUnanswered(second)
    await writer.release(token)
    // Both shared ones come in together.
    await late.granted(second)
    await reader.granted(third)
  })

  it(
    "never gives out more permits than the limit, and lets nothing small pass something large (L1, L3)",
    [],
    async (world) => {
      const clients = await world.openMany(3)
      const [one, two, three] = clients as [Client, Client, Client]
      const permits = (count: number) => ({ ...SHARED, limit: 5, permits: count })
      const held = await one.lock("pool", permits(3))
      const large = await two.queue("pool", permits(4))
      const small = await three.queue("pool", permits(1))
      await three.expectUnanswered(small)
      await one.release(held)
      await two.granted(large)
      await three.granted(small)
      expectKind((await one.acquire("pool", { ...permits(1), wait: false })).outcome, "busy")
    },
  )

  it("fills a limit of three with contending sessions, and never passes it (L1)", [], async (world) => {
    const clients = await world.openMany(12)
    let inside = 0
    let most = 0
    await Promise.all(
      clients.map(async (client) => {
        for (let round = 0; round < 3; round++) {
          const token = await client.lockEventually("pool", { ...SHARED, limit: 3 })
          inside += 1
          most = Math.max(most, inside)
          await client.catchUp()
          inside -= 1
          await client.release(token)
        }
      }),
    )
    expect(most).toBe(3)
  })

  it("says who is in the way to those who do not wait, and forgets that they asked (L4)", [], async (world) => {
    const [holder, waiter, asker] = [await world.open("holder"), await world.open("waiter"), await world.open("asker")]
    const token = await holder.lock("a", SHARED)
    await waiter.queue("a")
    const { lock } = expectKind((await asker.acquire("a", { ...SHARED, wait: false })).outcome, "busy")
    expect(lock).toMatchObject({
      name: "a",
      limit: null,
      holders: [{ session: holder.session, label: "holder", token, mode: "shared", permits: 1 }],
      waiters: [{ session: waiter.session, label: "waiter", mode: "exclusive" }],
      waiterCount: 1,
    })
    const free = await asker.acquire("b", { wait: false })
    await asker.release(expectKind(free.outcome, "granted").token)
    await holder.release(token)
    await waiter.event("lockGranted")
  })

  it("grants several names together or not at all (L1, L7)", [], async (world) => {
    const [holder, both, single] = [await world.open(), await world.open(), await world.open()]
    const b = await holder.lock("b")
    const waiting = await both.queue(["a", "b"])
    // Nothing of it is held while it waits, but its place in the queue of `a` is.
    const a = await single.queue("a")
    await both.expectUnanswered(waiting)
    await holder.release(b)
    const token = await both.granted(waiting)
    await single.expectUnanswered(a)
    await both.release(token)
    await single.granted(a)
  })

  it(
    "lets sessions ask for the same names in opposite orders without ever blocking each other (L3, L7)",
    [],
    async (world) => {
      const clients = await world.openMany(8)
      let inside = 0
      await Promise.all(
        clients.map(async (client, at) => {
          for (let round = 0; round < 4; round++) {
            const names = at % 2 === 0 ? ["a", "b", "c"] : ["c", "a", "b"]
            const token = await client.lockEventually(names)
            inside += 1
            expect(inside).toBe(1)
            await client.catchUp()
            inside -= 1
            await client.release(token)
          }
        }),
      )
    },
  )

  it("lets a request for several names pass nobody in any of its queues (L3)", [], async (world) => {
    const [writer, reader, waiting, both] = (await world.openMany(4)) as [Client, Client, Client, Client]
    const a = await writer.lock("a")
    const b = await reader.lock("b", SHARED)
    const first = await waiting.queue("b")
    const joint = await both.queue(["a", "b"], SHARED)
    // Now the first in the queue of `a`, and compatible with who holds `b`; but another was there before.
    await writer.release(a)
    await both.expectUnanswered(joint)
    await reader.release(b)
    await waiting.release(await waiting.granted(first))
    await both.granted(joint)
  })

  it("forgets a withdrawn request and wakes those it stood in the way of (L4)", [], async (world) => {
    const [reader, writer, late] = [await world.open(), await world.open(), await world.open()]
    await reader.lock("a", SHARED)
    const writing = await writer.queue("a")
    const reading = await late.queue("a", SHARED)
    expect(await writer.withdraw(writing)).toEqual({ kind: "withdrawn", found: true, locks: [] })
    await late.granted(reading)
    expect(await writer.withdraw(writing)).toMatchObject({ found: false })
    await writer.expectNothing()
  })

  it("tells a request that timed out who holds the lock and who waits (L4)", [], async (world) => {
    const [holder, waiter] = [await world.open("holder"), await world.open("waiter")]
    await holder.lock("a")
    const request = await waiter.queue("a")
    const { locks } = await waiter.withdraw(request, "timeout")
    expect(locks).toMatchObject([
      { name: "a", holders: [{ label: "holder" }], waiters: [{ label: "waiter" }], waiterCount: 1 },
    ])
  })

  it("does not find a request that was granted meanwhile, so that its owner gives it back (L4)", [], async (world) => {
    const [holder, waiter] = [await world.open(), await world.open()]
    const token = await holder.lock("a")
    const request = await waiter.queue("a")
    await holder.release(token)
    expect(await waiter.withdraw(request)).toMatchObject({ found: false })
    await waiter.release(await waiter.granted(request))
    await holder.lock("a")
  })

  it("releases once, again is a no-op, and a stranger's release changes nothing (L5)", ["runs"], async (world) => {
    const [owner, stranger] = [await world.open(), await world.open()]
    const token = await owner.lock("a")
    const waiting = await stranger.queue("a")
    expectRefused(await stranger.send({ kind: "releaseLock", token }), "GRANT_LOST")
    expectRefused(await stranger.send({ kind: "renewLock", token, leaseMs: 1 }), "GRANT_LOST")
    await stranger.expectUnanswered(waiting)
    await owner.release(token)
    expectKind(await owner.send({ kind: "releaseLock", token }), "unheld")
    expectKind(await owner.send({ kind: "renewLock", token, leaseMs: 1 }), "unheld")
    // The old token must not release the new grant.
    const next = await stranger.granted(waiting)
    expectKind(await owner.send({ kind: "releaseLock", token }), "unheld")
    await stranger.release(next)
  })

  it("ends a grant whose lease is over, says so, and lets the next one in (L1, L2, L4)", [], async (world) => {
    const [holder, next] = [await world.open(), await world.open()]
    const token = await holder.lock(["a", "b"], { leaseMs: 100 })
    const waiting = await next.queue("b")
    await world.advance(200)
    expect(await next.granted(waiting)).toBeGreaterThan(token)
    expect(await holder.event("grantLost")).toMatchObject({ token, names: ["a", "b"] })
    expectKind(await holder.send({ kind: "releaseLock", token }), "unheld")
  })

  it("forgets the lease of a grant that was given back in time (L1, L4)", [], async (world) => {
    const [one, two, three] = (await world.openMany(3)) as [Client, Client, Client]
    await one.release(await one.lock("a", { leaseMs: 50 }))
    await one.end("closed")
    await two.release(await two.lock("a", { leaseMs: 50 }))
    const token = await two.lock("a")
    const waiting = await three.queue("a")
    await world.advance(100)
    await three.expectUnanswered(waiting)
    await two.expectNothing()
    await two.release(token)
    await three.granted(waiting)
  })

  it("counts a lease from the grant, not from the request (L1)", [], async (world) => {
    const [holder, next] = [await world.open(), await world.open()]
    const token = await holder.lock("a")
    const waiting = await next.queue("a", { leaseMs: 2_000 })
    await world.advance(200)
    await holder.release(token)
    const granted = await next.granted(waiting)
    await world.advance(200)
    await next.release(granted)
  })

  it("keeps a grant as long as it is renewed (L1)", ["virtual-time"], async (world) => {
    const [holder, next] = [await world.open(), await world.open()]
    const token = await holder.lock("a", { leaseMs: 100 })
    const waiting = await next.queue("a")
    for (let round = 0; round < 5; round++) {
      await world.advance(60)
      expectKind(await holder.send({ kind: "renewLock", token, leaseMs: 100 }), "done")
    }
    await world.advance(99)
    await next.expectUnanswered(waiting)
    await world.advance(1)
    await next.granted(waiting)
    await holder.event("grantLost")
  })

  it("says how long a lock was held", ["virtual-time"], async (world) => {
    const client = await world.open()
    const token = await client.lock("a")
    await world.advance(30)
    expect(await client.send({ kind: "releaseLock", token })).toEqual({ kind: "released", heldMs: 30 })
  })

  it("stores a limit, and refuses to use the name with another one (L1)", [], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    await one.release(await one.lock("pool", { ...SHARED, limit: 2 }))
    expectRefused((await two.acquire("pool", { ...SHARED, limit: 3 })).outcome, "LIMIT_MISMATCH")
    await two.lock("pool", SHARED)
    await two.lock("pool", { ...SHARED, limit: 2 })
    await one.queue("pool", SHARED)
  })

  it("gives a lock in use the limit that it is asked with first (L1)", [], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    await one.lock("pool", SHARED)
    await one.lock("pool", { ...SHARED, limit: 2 })
    await two.queue("pool", SHARED)
  })

  it("lets more in when a limit grows, and waits until it is kept when a limit shrinks (L1, L3)", [], async (world) => {
    const clients = await world.openMany(4)
    const [one, two, three, four] = clients as [Client, Client, Client, Client]
    const held = await one.lock("pool", { ...SHARED, limit: 1 })
    const waiting = [await two.queue("pool", SHARED), await three.queue("pool", SHARED)] as const
    expectKind(await four.send({ kind: "resizeLock", name: "pool", limit: 3 }), "done")
    const second = await two.granted(waiting[0])
    await three.granted(waiting[1])
    expectKind(await four.send({ kind: "resizeLock", name: "pool", limit: 1 }), "done")
    const request = await four.queue("pool", SHARED)
    await one.release(held)
    await two.release(second)
    await four.expectUnanswered(request)
    await three.end()
    await four.granted(request)
  })

  it("refuses a limit that a waiting request could never be within, or that no name has (L7)", [], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    expectRefused(await one.send({ kind: "resizeLock", name: "plain", limit: 2 }), "LIMIT_MISMATCH")
    await one.lock("pool", { ...SHARED, limit: 3 })
    const waiting = await two.queue("pool", { ...SHARED, permits: 3 })
    expectRefused(await one.send({ kind: "resizeLock", name: "pool", limit: 2 }), "LIMIT_MISMATCH")
    expectRefused(await one.send({ kind: "resizeLock", name: "pool", limit: 0 }), "ARGUMENT_INVALID")
    expectRefused(await one.send({ kind: "resizeLock", name: "pool", limit: 1.5 }), "ARGUMENT_INVALID")
    await one.end()
    await two.granted(waiting)
  })

  it("refuses requests that make no sense, and keeps nothing of them (L4)", [], async (world) => {
    const [client, other] = [await world.open(), await world.open()]
    const invalid = [
      await client.acquire([]),
      await client.acquire(["a", "a"]),
      await client.acquire("a", { permits: 0 }),
      await client.acquire("a", { permits: Number.NaN }),
      await client.acquire("a", { limit: -1 }),
      await client.acquire("a", { ...SHARED, limit: 2, permits: 3 }),
    ]
    for (const { outcome } of invalid) expectRefused(outcome, "ARGUMENT_INVALID")
    await other.lock("a", { ...SHARED, limit: 7 })
    const request = await client.queue("a")
    expectRefused((await client.acquire("b", { request })).outcome, "ARGUMENT_INVALID")
    await other.lock("b")
  })

  it("treats an internal queue's name as a lock of its own (C2)", [], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    const token = await one.lock("\0cell:a")
    await two.lock("a")
    const waiting = await two.queue("\0cell:a")
    await one.release(token)
    await two.granted(waiting)
  })
}
