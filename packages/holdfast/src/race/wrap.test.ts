import { describe, expect, it } from "vitest"
import { reads, writes } from "./access.ts"
import { explore } from "./explore.ts"
import { fileAccesses, requestAccesses } from "./wrap.ts"

describe("wrapped objects", () => {
  class Counter {
    #count = 0
    async add(amount: number): Promise<number> {
      this.#count += amount
      return await Promise.resolve(this.#count)
    }
    peek(): number {
      return this.#count
    }
  }

  it("are called with their own private fields, named methods as steps and others at once", async () => {
    const outcomes = new Set<string>()
    await explore(async ({ actor, wrap }) => {
      const counter = wrap(new Counter(), { name: "counter", methods: ["add"] })
      const seen: number[] = []
      await Promise.all(
        [1, 10].map((amount) => actor(`adds ${amount}`, async () => void seen.push(await counter.add(amount)))),
      )
      outcomes.add(`${seen.join(" ")} of ${counter.peek()}`)
    })
    expect(outcomes).toEqual(new Set(["1 11 of 11", "11 1 of 11", "10 11 of 11", "11 10 of 11"]))
  })

  it("tell what a call touches, so that calls on different things are one order", async () => {
    const explored = async (path: (name: string) => string): Promise<number> => {
      const { schedules } = await explore(
        async ({ actor, wrap }) => {
          const counter = wrap(new Counter(), {
            name: "counter",
            methods: ["add"],
            touches: (method, [amount]) => [writes(path(`${method} ${String(amount)}`))],
          })
          await Promise.all([1, 10].map((amount) => actor(`adds ${amount}`, () => counter.add(amount))))
        },
        { shares: "declared" },
      )
      return schedules
    }
    expect(await explored((name) => name)).toBe(1)
    expect(await explored(() => "all")).toBe(2)
  })

  it("may be functions, with what they need of their own", async () => {
    const labels: string[] = []
    const { failure } = await explore(
      async ({ actor, wrap }) => {
        let stored = 0
        const fetchLike = wrap(
          Object.assign(
            async (_url: string, init?: { method: string }) => await Promise.resolve(init ? ++stored : stored),
            {
              version: 7,
            },
          ),
          { name: "fetch", touches: requestAccesses },
        )
        expect(fetchLike.version).toBe(7)
        const increment = async (): Promise<void> => {
          const seen = await fetchLike("http://host/counter")
          if ((await fetchLike("http://host/counter", { method: "POST" })) !== seen + 1)
            throw new Error("another came between")
        }
        await Promise.all([actor("a", increment), actor("b", increment)])
      },
      { shares: "declared" },
    )
    for (const { label, kind } of failure?.trace ?? []) if (kind === "step") labels.push(label)
    expect(labels).toContain("fetch http://host/counter")
    expect(failure?.error).toMatchObject({ message: "another came between" })
  })
})

describe("what calls touch", () => {
  it.each([
    { method: "readFile", args: ["/d/a"], expected: [reads("file /d/a")] },
    { method: "stat", args: ["a"], expected: [reads("file a")] },
    { method: "readdir", args: ["/d"], expected: [reads("folder /d")] },
    { method: "writeFile", args: ["/d/a", "text"], expected: [writes("file /d/a"), writes("folder /d")] },
    { method: "unlink", args: ["a"], expected: [writes("file a"), writes("folder .")] },
    {
      method: "rename",
      args: ["/d/a", "/e/b"],
      expected: [writes("file /d/a"), writes("folder /d"), writes("file /e/b"), writes("folder /e")],
    },
    {
      method: "copyFile",
      args: ["/d/a", "/e/b"],
      expected: [reads("file /d/a"), writes("file /e/b"), writes("folder /e")],
    },
  ])("$method $args touches what it names", ({ method, args, expected }) => {
    expect(fileAccesses(method, args)).toEqual(expected)
  })

  it.each([
    { args: ["http://host/a?x=1"], expected: [reads("http://host/a")] },
    { args: [new URL("http://host/a"), { method: "head" }], expected: [reads("http://host/a")] },
    { args: ["http://host/a", { method: "PUT" }], expected: [writes("http://host/a")] },
    { args: [new Request("http://host/a", { method: "DELETE" })], expected: [writes("http://host/a")] },
  ])("a request touches its address", ({ args, expected }) => {
    expect(requestAccesses("", args)).toEqual(expected)
  })
})

describe("a call whose answer only looks like a promise", () => {
  it("is waited for: a query that is sent when somebody awaits it", async () => {
    const { failure } = await explore(async ({ actor, step }) => {
      const query = {
        then: (answered: (rows: number) => void) => void setImmediate(() => answered(7)),
      }
      const rows = await actor("asks", async () => await step("asks", () => query as unknown as Promise<number>)) // As they declare it.
      expect(rows).toBe(7)
    })
    expect(failure).toBeNull()
  })
})
