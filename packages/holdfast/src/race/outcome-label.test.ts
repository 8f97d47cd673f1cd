import { describe, expect, it } from "vitest"
import { explore } from "./explore.ts"
import { reportFailure } from "./report/json.ts"

describe("calls of sessions in a timeline", () => {
  it("say what they came to, and a commit that was turned down wrote nothing", async () => {
    const { failure } = await explore(
      async ({ actor, open }) => {
        let calls = 0
        const update = async (): Promise<void> => {
          const hf = await open()
          await hf.cell("state", { initial: { count: 0 } }).update(({ count }) => {
            calls += 1
            return { count: count + 1 }
          })
        }
        await Promise.all([actor("a", update), actor("b", update)])
        if (calls > 2) throw new Error("an update was made again")
      },
      { shares: "declared" },
    )
    if (failure === null) throw new Error("expected a schedule in which two updates meet")
    const { rows, findings } = reportFailure(failure)
    const results = rows.map(({ label, result }) => `${label}: ${result ?? "nothing"}`)
    expect(results).toEqual(
      expect.arrayContaining([
        "opens a session: nothing",
        "reads state: nothing yet",
        "commits state: version 1",
        "commits state: conflict: expected version 0, found 1",
        "commits state: version 2",
      ]),
    )
    const refused = rows.find(({ result }) => result?.startsWith("conflict") === true)
    expect(refused?.accesses.map(({ resource, mode }) => `${mode} ${resource}`)).toEqual([
      "read cell state",
      "read cell state",
    ])
    expect(rows.flatMap(({ accesses }) => accesses)).toContainEqual({
      resource: "cell state",
      mode: "write",
      value: '{"count":2}',
    })
    expect(findings).toEqual([])
  })
})
