import { isHoldfastError, open } from "holdfast"

const hf = await open("memory:")
const alice = hf.cell("balance/alice", { initial: 100 })
const bob = hf.cell("balance/bob", { initial: 0 })
const notify = hf.operation("notify", {
  version: 1,
  effects: "idempotent",
  run: (_, who: string, amount: number) => `told ${who} about ${amount}`,
})

// All of it happens or none of it: both balances, and the start of the notification.
async function transfer(amount: number): Promise<void> {
  await hf.transact(async (tx) => {
    const [from, to] = await tx.getAll([alice, bob])
    if (from < amount) throw new Error(`only ${from} left`)
    tx.set(alice, from - amount)
    tx.set(bob, to + amount)
    tx.start(notify, ["bob", amount])
  })
}

const outcomes = await Promise.allSettled([transfer(60), transfer(60)])
console.log(outcomes.map((outcome) => outcome.status)) // prints [ 'fulfilled', 'rejected' ]
console.log(await hf.read([alice, bob])) // prints [ 40, 60 ]

// Two locks in opposite order: one of the two is told at once, with the whole picture, and nobody hangs.
const both = (first: string, second: string) =>
  hf.lock(first).run(async () => {
    await alice.get()
    return await hf.lock(second).run(() => "done")
  })
const [one, two] = await Promise.allSettled([both("a", "b"), both("b", "a")])
const refused = [one, two].find((outcome) => outcome.status === "rejected")
console.log(refused !== undefined && isHoldfastError(refused.reason, "DEADLOCK")) // prints true

await hf.close()
