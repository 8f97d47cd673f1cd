import { reads, type Scenario, writes } from "holdfast/race"
import { Accounts, Database } from "./race-service.ts"

/** Two payments from one account at the same time. */
export const payments: Scenario = async ({ actor, wrap }) => {
  // A scenario builds its whole world inside itself: it is run again for every schedule.
  const database = new Database({ alice: 100 })
  const accounts = new Accounts(wrap(database, { name: "db", touches }))
  await Promise.all([
    actor("cafe", () => accounts.withdraw("alice", 3)),
    actor("rent", () => accounts.withdraw("alice", 50)),
  ])
  const left = await database.read("alice")
  if (left !== 47) throw new Error(`expected 47 left of 100, found ${left}`)
}

/** What a call touches: this is what the timeline can mark, and what `shares: "declared"` goes by. */
function touches(method: string, [account, balance]: readonly unknown[]) {
  const row = `account ${String(account)}`
  return method === "read" ? [reads(row)] : [{ ...writes(row), value: String(balance) }]
}
