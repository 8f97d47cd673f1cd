/** Scopes: what code holds without being told, and when it no longer does. */
import { describe, expect, it } from "vitest"
import { faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import { createSimulatedEnv } from "../env/simulated-env.ts"

describe("scopes", () => {
  it("nest: a commit carries every grant of the chain, and is refused when any of them is lost (L8)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open("frozen", createSimulatedEnv({ seed: 2 }))
    const running = hf.lock("outer").run(
      async () =>
        await hf.lock("middle").run(
          async () =>
            await hf.lock("inner").run(async () => {
              expect(await hf.cell("x").set(1)).toBe(1)
              await world.env.advanceBy(10)
              await faultOf(hf.cell("x").set(2), "FENCED")
              await faultOf(
                hf.transact((tx) => {
                  tx.set(hf.cell("x"), 3)
                }),
                "FENCED",
              )
              await faultOf(
                hf.cell<number>("x").update((value) => (value ?? 0) + 1),
                "FENCED",
              )
            }),
          { leaseMs: 10 },
        ),
    )
    // Outer and inner were held to the end; the one in the middle was not, and run of it says so.
    await faultOf(running, "GRANT_LOST")
    expect(await hf.cell("x").get()).toBe(1)
  })

  it("follow asynchronous calls, timers and promises made inside (L8)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    await hf.lock("a").run(async () => {
      await settle()
      await new Promise((resolve) => {
        process.nextTick(resolve)
      })
      await faultOf(hf.lock("a").acquire(), "DEADLOCK")
    })
  })

  it("end with their callback: what goes on inside afterwards is refused with GRANT_LOST (L8)", async () => {
    const hf = await new RuntimeWorld().open()
    const gate = new Gate()
    const left: Promise<unknown>[] = []
    await hf.lock("a").run(() => {
      const late = async (call: () => Promise<unknown>) => {
        await gate.opened
        return await faultOf(call(), "GRANT_LOST")
      }
      left.push(
        late(async () => await hf.lock("b").acquire()),
        late(async () => await hf.lock("b").try()),
        late(async () => await hf.lock("b").run(() => undefined)),
        late(async () => await hf.cell("x").set(1)),
        late(async () => await hf.cell("x").update(() => 1)),
        late(async () => await hf.transact(() => undefined)),
        late(async () => await hf.once("k", () => 1)),
      )
    })
    gate.open()
    const errors = await Promise.all(left)
    expect(errors[0]).toMatchObject({ message: expect.stringContaining("detached()") })
    expect((await hf.inspect()).locks).toEqual([])
    expect(await hf.cell("x").read()).toEqual({ value: undefined, version: 0 })
  })

  it("inside one that has ended are over too (L8)", async () => {
    const hf = await new RuntimeWorld().open()
    const inner = await hf.lock("outer").run(async () => await hf.lock("inner").acquire())
    expect(inner.isHeld).toBe(true)
    await inner.scope.run(async () => await faultOf(hf.cell("x").set(1), "GRANT_LOST"))
    await inner.release()
  })

  it("are left with detached: what is started there holds nothing, and may outlive the caller (L7, L8)", async () => {
    const hf = await new RuntimeWorld().open()
    const gate = new Gate()
    const started = await hf.lock("a").run(async () => {
      // Holding nothing, it waits for its caller's lock like anybody else.
      const waiting = hf.detached(async () => await hf.lock("a").run(() => "after"))
      const going = hf.detached(async () => {
        await gate.opened
        return await hf.cell("x").set(1)
      })
      return { waiting, going }
    })
    gate.open()
    expect(await started.waiting).toBe("after")
    expect(await started.going).toBe(1)
    expect(hf.detached(() => 7)).toBe(7)
  })

  it("do not leak to siblings: two branches of one callback hold their own locks only (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    await hf.lock("outer").run(async () => {
      const gates = [new Gate(), new Gate()]
      const ended = await Promise.allSettled([
        hf.lock("a").run(async () => {
          gates[0]?.open()
          await gates[1]?.opened
          // The sibling's, not an ancestor's: this waits.
          return await hf.lock("b").run(() => "a then b")
        }),
        hf.lock("b").run(async () => {
          gates[1]?.open()
          await gates[0]?.opened
        }),
      ])
      expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"])
    })
  })
})

describe("scopes of two sessions of one store", () => {
  it("are one chain: nothing waits for itself through the other session, and commits carry both (L7, L8)", async () => {
    const world = new RuntimeWorld()
    const [one, two] = [await world.open("one"), await world.open("two", createSimulatedEnv({ seed: 2 }))]
    const lost = two.lock("b").run(
      async () => {
        await one.lock("a").run(async () => {
          await faultOf(two.lock("a").acquire(), "DEADLOCK")
          await faultOf(one.lock("b").acquire(), "DEADLOCK")
          expect(await one.cell("c").set(1)).toBe(1)
          await world.env.advanceBy(10)
          await faultOf(one.cell("c").set(2), "FENCED")
        })
      },
      { leaseMs: 10 },
    )
    await faultOf(lost, "GRANT_LOST")
    expect(await one.cell("c").get()).toBe(1)
    expect((await one.inspect()).locks).toEqual([])
  })

  it("let a body that awaits a run through the other session give its slot up (L7)", async () => {
    const world = new RuntimeWorld()
    const [one, two] = [await world.open("one"), await world.open("two")]
    const definition = { version: 1, effects: "pure" } as const
    const child = two.operation("child", { ...definition, run: (_, n: number) => n + 1 })
    const parent = one.operation("parent", { ...definition, run: async (_, n: number) => await child(n) })
    const again = one.operation("child", { ...definition, run: (_, n: number) => n + 1 })
    await one.work([parent, again])
    const handle = await one.start(parent, [1])
    expect(await handle.result()).toBe(2)
  })
})

describe("scopes of two stores", () => {
  it("nest in each other, and each store is told of its own grants only (L7, L8)", async () => {
    const [here, there] = [new RuntimeWorld(), new RuntimeWorld()]
    const [a, b] = [await here.open("a"), await there.open("b", createSimulatedEnv({ seed: 2 }))]
    await a
      .lock("x")
      .run(async () => {
        await b.lock("x").run(
          async () => {
            await a.lock("y").run(async () => {
              await faultOf(a.lock("x").acquire(), "DEADLOCK")
              await faultOf(b.lock("x").acquire(), "DEADLOCK")
              expect(await a.cell("c").set("in a")).toBe(1)
              expect(await b.cell("c").set("in b")).toBe(1)
              // A grant lost in one store fences commits there, and there alone.
              await there.env.advanceBy(10)
              await faultOf(b.cell("c").set("late"), "FENCED")
              expect(await a.cell("c").set("still")).toBe(2)
            })
          },
          { leaseMs: 10 },
        )
      })
      .catch((error: unknown) => {
        expect(error).toMatchObject({ code: "GRANT_LOST" })
      })
    expect([await a.cell("c").get(), await b.cell("c").get()]).toEqual(["still", "in b"])
    expect([(await a.inspect()).locks, (await b.inspect()).locks]).toEqual([[], []])
  })

  it("share one end: code left behind in a scope of one may not use the other (L8)", async () => {
    const [here, there] = [new RuntimeWorld(), new RuntimeWorld()]
    const [a, b] = [await here.open("a"), await there.open("b")]
    const gate = new Gate()
    const left: Promise<unknown>[] = []
    await a.lock("x").run(() => {
      left.push(
        (async () => {
          await gate.opened
          await faultOf(b.lock("x").acquire(), "GRANT_LOST")
        })(),
      )
    })
    gate.open()
    await Promise.all(left)
  })
})
