import type { Holdfast } from "holdfast"
import { explore, type Scenario } from "holdfast/race"

async function withdraw(hf: Holdfast, account: string, amount: number): Promise<void> {
  await hf.cell(`account ${account}`, { initial: 100 }).update((balance) => {
    if (balance < amount) throw new Error(`only ${balance} left`)
    return balance - amount
  })
}

export const payments: Scenario = async ({ actor, open }) => {
  await Promise.all([
    actor("cafe", async () => await withdraw(await open(), "alice", 3)),
    actor("rent", async () => await withdraw(await open(), "alice", 50)),
  ])
  const hf = await open()
  const left = await hf.cell("account alice", { initial: 100 }).get()
  if (left !== 47) throw new Error(`expected 47 left of 100, found ${left}`)
}

// Everything shared goes through sessions, so orders that nobody can tell apart need not all run.
const { failure, exhausted } = await explore(payments, { shares: "declared" })
console.log(failure) // prints null
console.log(exhausted) // prints true
