import { describe, it } from "vitest"
import { explore } from "./explorer.ts"
import { SCOPES } from "./scopes.ts"
import { World } from "./world.ts"

describe("x", () => {
  for (const [name, scope] of Object.entries(SCOPES)) {
    if (process.env["ONLY"] !== undefined && !process.env["ONLY"].split(",").includes(name)) continue
    it(name, { timeout: 600_000 }, () => {
      let r
      try {
        r = explore(() => new World(scope), Number(process.env["CAP"] ?? 1e9))
      } catch (e: any) {
        console.log(name, e.message.slice(0, 6000))
        if (e.cause) console.log(e.cause.stack?.split("\n").slice(0, 10).join("\n"))
        throw e
      }
      console.log(name, r)
    })
  }
})
