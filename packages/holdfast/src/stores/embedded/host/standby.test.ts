/** Who is named to keep the store next, and who is told. */
import { describe, expect, it } from "vitest"
import { createSimulatedEnv } from "../../../env/simulated-env.ts"
import { type Candidate, Standby } from "./standby.ts"

class World {
  readonly env = createSimulatedEnv({ seed: 1 })
  readonly standby = new Standby(this.env)
  /** What each was told, in order. */
  readonly told: string[] = []

  offer(name: string): Candidate {
    const candidate: Candidate = { standby: (who) => this.told.push(`${name} ${who}`) }
    this.standby.offer(candidate)
    return candidate
  }

  take(): string[] {
    return this.told.splice(0)
  }
}

describe("a standby", () => {
  it("is the first that has stayed a while, and everybody is told", async () => {
    const world = new World()
    world.offer("one")
    world.offer("two")
    await world.env.advanceBy(499)
    expect(world.take()).toEqual([])
    await world.env.advanceBy(1)
    expect(world.take()).toEqual(["one you", "two other"])
    world.offer("three")
    expect(world.take()).toEqual(["three other"])
  })

  it("is named once, however often it offers itself", async () => {
    const world = new World()
    const one = world.offer("one")
    world.standby.offer(one)
    await world.env.advanceBy(500)
    world.standby.offer(one)
    await world.env.advanceBy(10_000)
    expect(world.take()).toEqual(["one you"])
  })

  it("is nobody who is gone before", async () => {
    const world = new World()
    const brief = world.offer("brief")
    await world.env.advanceBy(400)
    world.offer("one")
    world.standby.gone(brief)
    await world.env.advanceBy(499)
    expect(world.take()).not.toContain("one you")
    await world.env.advanceBy(1)
    expect(world.take()).toEqual(["one you"])
  })

  it("is followed by the next at once where that has stayed, and otherwise by nobody until one has", async () => {
    const world = new World()
    const [one, two] = [world.offer("one"), world.offer("two")]
    await world.env.advanceBy(500)
    expect(world.take()).toEqual(["one you", "two other"])
    world.offer("three")
    world.take()
    world.standby.gone(one)
    expect(world.take()).toEqual(["two you", "three other"])
    world.standby.gone(two)
    expect(world.take()).toEqual(["three nobody"])
    await world.env.advanceBy(500)
    expect(world.take()).toEqual(["three you"])
  })

  it("is not missed when it was never named, and nobody is named once it is over", async () => {
    const world = new World()
    world.offer("one")
    world.standby.gone({ standby: () => {} })
    world.standby.close()
    await world.env.advanceBy(10_000)
    expect(world.take()).toEqual([])
  })
})
